"""Other programs, asked for what they know."""

import pwd
import subprocess
from collections.abc import Callable, Sequence


class CommandError(Exception):
    """A program is not there, failed, or took too long; says so in a sentence."""


Run = Callable[..., bytes]
"""Like `output`."""

TIME_OUT = 60.0


def output(command: Sequence[str], user: str | None = None) -> bytes:
    """Run a command and return what it wrote to standard output.

    With `user`, it runs as that one, with no other groups, where there is such a user.

    Raises:
        CommandError: as that says.
    """
    identity = _identity(user)
    try:
        done = subprocess.run(  # noqa: S603 - the commands are ours, and no shell reads them
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=TIME_OUT,
            user=identity and identity.pw_uid,
            group=identity and identity.pw_gid,
            extra_groups=identity and [],
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise CommandError(said or f"{command[0]} ended with {error.returncode}") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{command[0]} took over {TIME_OUT:.0f} s") from error
    except OSError as error:
        raise CommandError(f"{command[0]}: {error.strerror}") from error
    return done.stdout


def _identity(user: str | None) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(user) if user else None
    except KeyError:
        return None
