"""The file of the appliances that may have tokens: a name and a hash of the secret for each.

A secret is 256 random bits that nobody chose, so its SHA-256 tells nothing and needs neither salt
nor stretching: those make up for what people choose. A slow hash would only let strangers keep the
server busy.
"""

import contextlib
import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from appliance.system.files import replace

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

Version = tuple[int, int, int]


class RegisterError(Exception):
    """The file can't be used, or what was asked for can't be done; a sentence."""


class Appliance(msgspec.Struct, frozen=True):
    """One that may have tokens; `sha256` is the hexadecimal hash of its secret."""

    name: str
    added: datetime
    sha256: str


class _Contents(msgspec.Struct, frozen=True):
    appliances: tuple[Appliance, ...] = ()


class Register:
    """The appliances in the file at `path`. No file is as good as one without appliances.

    Several servers may share the file; each sees a change at the next request, since `refresh`
    reads the file again when it is another than before. `clock` gives the time of day.
    """

    def __init__(
        self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.path = path
        self.appliances: tuple[Appliance, ...] = ()
        self._clock = clock
        self._version: Version | None = None

    def refresh(self) -> None:
        """Read the file if it has changed.

        Raises:
            RegisterError: it can't be read, is damaged, or is gone; `appliances` stay as they were.
        """
        try:
            version = _version_of(self.path)
            if version != self._version:
                self.appliances = _read(self.path)
                self._version = version
        except FileNotFoundError:
            # From "these only" to "whoever asks" is a step for the owner, not for a lost disk.
            if self._version is not None:
                raise RegisterError(f"The file {self.path} is gone; put it back") from None
        except OSError as error:
            raise RegisterError(f"The file {self.path} can't be read: {error.strerror}") from error

    def name_of(self, secret: str) -> str | None:
        """Return whose secret this is; None when it is nobody's.

        It takes as long whichever it is: all are compared, each in constant time.
        """
        given = _hash(secret)
        name = None
        for appliance in self.appliances:
            if hmac.compare_digest(given, appliance.sha256):
                name = appliance.name
        return name

    def add(self, name: str) -> str:
        """Add an appliance and return its secret, which can't be had again.

        Raises:
            ValueError: that is no name; a sentence.
            RegisterError: the name is taken, or the file can't be written.
        """
        if not NAME.fullmatch(name):
            raise ValueError(
                f'"{name}" is no name for an appliance: take up to 63 of a-z, A-Z, 0-9, ".", "_" '
                'and "-", a letter or digit first'
            )
        with self._change():
            if any(appliance.name == name for appliance in self.appliances):
                raise RegisterError(f"There is an appliance {name} already: remove it first")
            secret = secrets.token_urlsafe(32)
            self._write(*self.appliances, Appliance(name, self._clock(), _hash(secret)))
        return secret

    def remove(self, name: str) -> None:
        """Let an appliance have no more tokens.

        Raises:
            RegisterError: there is none of that name, or the file can't be written.
        """
        with self._change():
            left = [appliance for appliance in self.appliances if appliance.name != name]
            if len(left) == len(self.appliances):
                raise RegisterError(f"There is no appliance {name}")
            self._write(*left)

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        """Let nobody else change the file meanwhile; the lock is on its folder and leaves no file.

        Raises:
            RegisterError: the folder can't be made or written.
        """
        folder = self.path.absolute().parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self.refresh()
                yield
            finally:
                os.close(descriptor)
        except OSError as error:
            raise RegisterError(
                f"The file {self.path} can't be written: {error.strerror}"
            ) from error

    def _write(self, *appliances: Appliance) -> None:
        folder = self.path.absolute().parent
        encoded = msgspec.json.format(msgspec.json.encode(_Contents(appliances)), indent=2)
        owner = group = -1
        if os.geteuid() == 0:
            # Written by root, read by the user of the service, to whom the folder belongs.
            status = folder.stat()
            owner, group = status.st_uid, status.st_gid
        replace(self.path.absolute(), encoded + b"\n", mode=0o600, owner=owner, group=group)


def register_path() -> Path:
    """Return where the register is unless told otherwise."""
    folder = os.environ.get("STATE_DIRECTORY", "/var/lib/appliance-token-server")
    return Path(folder, "appliances.json")


def _version_of(path: Path) -> Version:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: Path) -> tuple[Appliance, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Contents).appliances
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise RegisterError(f"The file {path} is damaged: {error}") from error


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
