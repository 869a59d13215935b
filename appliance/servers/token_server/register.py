"""Register of the appliances that may have tokens: a file with names and hashes of secrets.

A secret consists of 256 random bits, so its SHA-256 needs neither salt nor stretching, which
protect weaker secrets that people choose. A slow hash would only let strangers keep the server
busy.
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

from appliance.core.json_decoder import MAX_SIZE, InvalidJsonError, JsonDecoder
from appliance.system.files import read, reason, replace

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

Version = tuple[int, int, int]


class RegisterError(Exception):
    """The file can't be used, or a change is impossible; the message is a sentence."""


class RegisteredAppliance(msgspec.Struct, frozen=True):
    """An appliance that may have tokens; `sha256` is the hexadecimal hash of its secret."""

    name: str
    added: datetime
    sha256: str


class _Contents(msgspec.Struct, frozen=True):
    appliances: tuple[RegisteredAppliance, ...] = ()


class Register:
    """The appliances in a JSON file; a missing file counts as empty.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     register = Register(Path(folder, "appliances.json"))
    ...     secret = register.add("kitchen")
    ...     register.refresh()
    ...     register.name_of(secret), register.name_of("a guess")
    ('kitchen', None)

    Several servers may share the file. `appliances` is what `refresh` read last; it reads the file
    only if that has changed, so that a server can call it for each request.

    Args:
        path: the file; its folder is created when the first appliance is added.
        clock: returns the time of day.
    """

    def __init__(
        self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.path = path
        self.appliances: tuple[RegisteredAppliance, ...] = ()
        self._clock = clock
        self._version: Version | None = None

    @property
    def exists(self) -> bool:
        """Whether there is or was a file, even if all appliances have been removed from it."""
        return self._version is not None

    def refresh(self) -> None:
        """Read the file if it has changed.

        Raises:
            RegisterError: it can't be read, is damaged or is gone; `appliances` stays as it was.
        """
        try:
            version = _version_of(self.path)
            if version != self._version:
                self.appliances = _read(self.path)
                self._version = version
        except FileNotFoundError:
            # Without a register this machine may be served: that decides its owner, no lost disk.
            if self._version is not None:
                raise RegisterError(f"The file {self.path} is gone: restore it") from None
        except OSError as error:
            raise RegisterError(f"The file {self.path} can't be read: {reason(error)}") from error

    def name_of(self, secret: str) -> str | None:
        """Return the name of the appliance with this secret, or None.

        All secrets are compared, each in constant time, so the duration reveals nothing.
        """
        given = _hash(secret)
        name = None
        for appliance in self.appliances:
            if hmac.compare_digest(given, appliance.sha256):
                name = appliance.name
        return name

    def add(self, name: str) -> str:
        """Add an appliance; return its secret, of which only the hash is kept.

        Raises:
            ValueError: the name is not allowed; the message is a sentence.
            RegisterError: the name is taken, or the file can't be written.
        """
        if not NAME.fullmatch(name):
            raise ValueError(
                f'"{name}" is no name for an appliance: use up to 63 of a-z, A-Z, 0-9, ".", "_" '
                'and "-", beginning with a letter or digit'
            )
        with self._change():
            if any(appliance.name == name for appliance in self.appliances):
                raise RegisterError(f"There is an appliance {name} already: remove it first")
            secret = secrets.token_urlsafe(32)
            self._write(*self.appliances, RegisteredAppliance(name, self._clock(), _hash(secret)))
        return secret

    def remove(self, name: str) -> None:
        """Remove an appliance: it gets no more tokens.

        Raises:
            RegisterError: there is no such appliance, or the file can't be written.
        """
        with self._change():
            left = [appliance for appliance in self.appliances if appliance.name != name]
            if len(left) == len(self.appliances):
                raise RegisterError(f"There is no appliance {name}")
            self._write(*left)

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        """Hold a lock for a change of the file; it is on the folder, so no lock file remains.

        Raises:
            RegisterError: the folder can't be created or written.
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

    def _write(self, *appliances: RegisteredAppliance) -> None:
        folder = self.path.absolute().parent
        encoded = msgspec.json.format(msgspec.json.encode(_Contents(appliances)), indent=2)
        owner = group = -1
        if os.geteuid() == 0:
            # The user of the service owns the folder, and must be able to read what root writes.
            status = folder.stat()
            owner, group = status.st_uid, status.st_gid
        replace(self.path.absolute(), encoded + b"\n", mode=0o600, owner=owner, group=group)


def register_path() -> Path:
    """Return the default path of the register."""
    folder = os.environ.get("STATE_DIRECTORY", "/var/lib/appliance-token-server")
    return Path(folder, "appliances.json")


def _version_of(path: Path) -> Version:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: Path) -> tuple[RegisteredAppliance, ...]:
    try:
        return JsonDecoder(_Contents).decode(read(path, MAX_SIZE, follow=True)).appliances
    except InvalidJsonError as error:
        raise RegisterError(f"The file {path} is damaged: {error}") from error


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
