"""Records of the scripted service: one for each connection and each token."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.rig.recognizer import BYTES_PER_SECOND, Message


@dataclass(frozen=True)
class Arrival:
    """An audio frame: when it arrived (monotonic seconds), and how long it is."""

    at: float
    length_ms: float


@dataclass(frozen=True)
class Sent:
    """A message that the service sent, and when (monotonic seconds)."""

    at: float
    message: Message | str | bytes


@dataclass
class Record:
    """Record of one connection. Times are monotonic seconds."""

    number: int
    path: str
    headers: dict[str, str]
    opened_at: float | None = None
    audio: bytearray = field(default_factory=bytearray)
    frames: list[Arrival] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    terminated_at: float | None = None
    closed_at: float | None = None
    close_code: int | None = None
    ended_by: str = ""
    """Who ended it: "client", "service", "network", or "" while it lives or hangs in silence."""

    @property
    def query(self) -> dict[str, str]:
        """The query parameters."""
        return dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))

    def header(self, name: str) -> str | None:
        """Return a header of the handshake, however its name is written."""
        lowered = {key.lower(): value for key, value in self.headers.items()}
        return lowered.get(name.lower())

    @property
    def audio_seconds(self) -> float:
        """Seconds of audio that arrived."""
        return len(self.audio) / BYTES_PER_SECOND

    @property
    def turns(self) -> list[Message]:
        """The `Turn` messages that were sent."""
        messages = [sent.message for sent in self.sent]
        return [turn for turn in messages if isinstance(turn, dict) and turn["type"] == "Turn"]


@dataclass
class Token:
    """A token that was issued. Times are monotonic seconds."""

    value: str
    issued_at: float
    expires_at: float
    used_by: int | None = None
    """The number of the connection that it opened."""


@dataclass(frozen=True)
class TokenRequest:
    """A request for a token: when (monotonic seconds), how, and the status of the answer."""

    at: float
    path: str
    headers: dict[str, str]
    status: int
