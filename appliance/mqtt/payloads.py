"""What a box says: its payloads, as JSON."""

from typing import Literal

import msgspec
from msgspec.structs import replace

from appliance import __version__
from appliance.core.events import CommandEnded
from appliance.history.export import iso
from appliance.history.records import OutgoingTurn
from appliance.screen import texts
from appliance.screen.scene import MICROPHONE_OPEN, Mode, Scene

ONLINE, OFFLINE = b"online", b"offline"

Switch = Literal["ON", "OFF"]

ON: Switch = "ON"
OFF: Switch = "OFF"

DONE = "done"
"""The outcome of a command that did what it should."""


class State(msgspec.Struct, frozen=True):
    """What the box does, without anything that changes each second.

    `state` is the value of its mode, `session` "ON" while everybody around is heard, `status` a
    sentence for people, `fault` what is wrong, `microphone` the name of the one that was opened
    last, unless it is gone.
    """

    state: str
    session: Switch
    status: str
    fault: str | None
    network: bool
    microphone: str | None
    version: str = __version__


def state(scene: Scene, microphone: str | None, before: State | None) -> State:
    """Return what a scene says of the box; `before` is what was said last."""
    connecting = scene.mode is Mode.CONNECTING and not scene.fault
    return State(
        state=scene.mode.value,
        session=ON if scene.mode in MICROPHONE_OPEN else OFF,
        status=_calm_sentence(scene),
        fault=scene.fault.what if scene.fault else None,
        # That a first connection is not made yet says nothing about the network.
        network=before.network if connecting and before else scene.network,
        microphone=microphone,
    )


def state_at_the_end(before: State) -> State:
    """Return what is to be found of a box that has gone; `before` is what was said last."""
    return replace(
        before, state=Mode.OFF.value, session=OFF, status=texts.STATE[Mode.OFF], fault=None
    )


def spoken(scene: Scene) -> str:
    """Return what is being said: the newest turn with its words still to be settled."""
    if not scene.turns:
        return ""
    turn = scene.turns[-1]
    return f"{turn.text} {turn.tentative}".strip()


def partial(text: str) -> bytes:
    """Return what is being said as a message."""
    return msgspec.json.encode({"text": text})


def transcript(turn: OutgoingTurn) -> bytes:
    """Return a finished turn as a message; `id` stays the same whenever it is sent again."""
    return msgspec.json.encode(
        {
            "id": turn.id,
            "session": turn.session,
            "text": turn.text,
            "started": iso(turn.started),
            "ended": iso(turn.ended),
        }
    )


def event(ended: CommandEnded) -> bytes:
    """Return what became of a spoken command, as Home Assistant's events are written."""
    return msgspec.json.encode(
        {"event_type": ended.name, "words": ended.words, "outcome": ended.failure or DONE}
    )


def _calm_sentence(scene: Scene) -> str:
    """Return the sentence that the scene's own is, without its counting of seconds."""
    if scene.mode is Mode.LISTENING and not scene.fault:
        return "Listening at the fallback service" if scene.on_fallback else "Listening"
    hint = "" if scene.mode in texts.IN_SESSION else scene.hint
    return texts.sentence(replace(scene, elapsed=0.0, waiting=0.0, hint=hint, power_off_in=0))
