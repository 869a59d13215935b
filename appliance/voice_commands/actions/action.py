"""The interface of an action: a request, the target that carries it out, what targets need."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from appliance.settings.commands import Command
from appliance.voice_commands.worker import TIME_LIMIT, Later

if TYPE_CHECKING:
    import gpiozero
    import requests

C_contra = TypeVar("C_contra", contravariant=True)


class ActionRequest(msgspec.Struct, frozen=True):
    """A command to carry out: it was said in `session`, `at` seconds after its start."""

    command: Command
    session: str
    words: str
    at: float


def local_time() -> datetime:
    """Return the time, with its offset."""
    return datetime.now(UTC).astimezone()


class Surroundings(msgspec.Struct, frozen=True):
    """Everything outside that targets need; tests put their own in its place.

    Attributes:
        appliance: its name in the settings.
        pin_factory: gpiozero's way to the pins; its default one where None.
        publish: sends a message of the given topic and payload to the broker within 5 seconds, or
            raises ActionError; None where the settings name no broker.
        http: in place of `requests.post`.
        now: the time, with its offset.
        clock: monotonic seconds.
        limit: seconds that an action may take.
    """

    appliance: str
    pin_factory: "gpiozero.Factory | None" = None
    publish: Callable[[str, str], None] | None = None
    http: "Callable[..., requests.Response] | None" = None
    now: Callable[[], datetime] = local_time
    clock: Callable[[], float] = time.monotonic
    limit: float = TIME_LIMIT


class Target(Protocol[C_contra]):
    """One pin, host or broker. Its worker calls it, one call at a time."""

    @property
    def limit(self) -> float:
        """Seconds that one request may take."""

    def perform(self, command: C_contra, request: ActionRequest) -> Later | None:
        """Carry out a command; return what has to be done later, if anything.

        Raises:
            ActionError: it could not; the message says why in a few words for the screen.
        """

    def close(self) -> None:
        """Let go of the target at the end of the program."""


class Action(Protocol[C_contra]):
    """A kind of command: the class of its targets.

    One module below `actions/` has one such class, and `runner.ACTIONS` names it beside the struct
    of the settings.
    """

    def __call__(self, command: C_contra, surroundings: Surroundings) -> Target[C_contra]:
        """Return the target of a command; called once for each target."""

    def name_of(self, command: C_contra) -> str:
        """Return the name of a command's target, in words for the screen."""
