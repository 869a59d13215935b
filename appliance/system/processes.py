"""Other programs, run to their end within a time limit."""

import pwd
import subprocess
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self


class CommandError(Exception):
    """The program is missing, failed, or took too long; the message is one sentence."""


class Identity(NamedTuple):
    """User and groups that a program runs as. Only root can choose them."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    @classmethod
    def named(cls, user: str) -> Self | None:
        """Return a user with its main group alone; None if there is no such user."""
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            return None
        return cls(entry.pw_uid, entry.pw_gid)


Run = Callable[..., bytes]
"""A function with the signature of `output`, for tests to replace."""


def output(
    command: Sequence[str], *, identity: Identity | None = None, time_limit: float = 60.0
) -> bytes:
    """Run a program and return what it wrote to standard output.

        >>> output(["printf", "ready"], time_limit=5.0)
        b'ready'

    Args:
        command: the program and its arguments; no shell reads them.
        identity: who it runs as; None for the user of this process.
        time_limit: seconds after which it is killed.

    Raises:
        CommandError: it is missing, ended with another status than 0, or took too long.
    """
    try:
        ended = subprocess.run(  # noqa: S603 - the commands are this program's own
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=time_limit,
            user=identity and identity.uid,
            group=identity and identity.gid,
            extra_groups=identity and identity.groups,
        )
    except subprocess.CalledProcessError as error:
        first_line = error.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise CommandError(first_line or f"{command[0]} ended with {error.returncode}") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{command[0]} took over {time_limit:.0f} s") from error
    except OSError as error:
        raise CommandError(f"{command[0]}: {error.strerror}") from error
    return ended.stdout
