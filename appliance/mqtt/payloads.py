"""JSON payloads that the appliance publishes."""

from typing import Literal

import msgspec
from msgspec.structs import replace

from appliance import __version__
from appliance.core.command_events import AlertHeard, CommandEnded
from appliance.core.scripts import joined
from appliance.history.export import iso
from appliance.history.records import OutgoingTurn
from appliance.screen import texts
from appliance.screen.scene import MICROPHONE_OPEN, Mode, Scene

Switch = Literal["ON", "OFF"]

ON: Switch = "ON"
OFF: Switch = "OFF"

DONE = "done"
"""The outcome of a command that did what it should."""


class StatePayload(msgspec.Struct, frozen=True):
    """State of the appliance, without anything that changes each second.

    `state` is the value of its mode, `session` "ON" while the microphone is open, `status` a
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


def state(scene: Scene, microphone: str | None, before: StatePayload | None) -> StatePayload:
    """Return the state that a scene shows; `before` is the one before."""
    connecting = scene.mode is Mode.CONNECTING and not scene.fault
    return StatePayload(
        state=scene.mode.value,
        session=ON if scene.mode in MICROPHONE_OPEN else OFF,
        status=_calm_sentence(scene),
        fault=scene.fault.what if scene.fault else None,
        # A first connection that is not made yet says nothing about the network.
        network=before.network if connecting and before else scene.network,
        microphone=microphone,
    )


def final_state(before: StatePayload) -> StatePayload:
    """Return the state of an appliance that has ended; `before` is the one before."""
    return replace(
        before, state=Mode.OFF.value, session=OFF, status=texts.STATE[Mode.OFF], fault=None
    )


def partial(scene: Scene) -> bytes:
    """Return the newest turn as a message, with its words that may still change."""
    text = joined(scene.turns[-1].text, scene.turns[-1].tentative) if scene.turns else ""
    return msgspec.json.encode({"text": text.strip()})


def transcript(turn: OutgoingTurn) -> bytes:
    """Return a finished turn as a message; `id` stays the same whenever it is sent again.

    The key "speaker" is left out if nobody knows who spoke.
    """
    message = {
        "id": turn.id,
        "session": turn.session,
        "text": turn.text,
        "started": iso(turn.started),
        "ended": iso(turn.ended),
    }
    if turn.speaker:
        message["speaker"] = turn.speaker.shown
    return msgspec.json.encode(message)


def event(ended: CommandEnded) -> bytes:
    """Return the outcome of a spoken command as an event of Home Assistant."""
    return msgspec.json.encode(
        {"event_type": ended.name, "words": ended.words, "outcome": ended.failure or DONE}
    )


def alert(heard: AlertHeard) -> bytes:
    """Return a word that calls the reader as an event of Home Assistant."""
    return msgspec.json.encode({"event_type": heard.word, "words": heard.words.strip()})


def _calm_sentence(scene: Scene) -> str:
    """Return the scene's sentence without the seconds that it counts."""
    if scene.mode is Mode.LISTENING and not scene.fault:
        return "Listening at the fallback service" if scene.on_fallback else "Listening"
    hint = "" if scene.mode in texts.IN_SESSION else scene.hint
    return texts.sentence(replace(scene, elapsed=0.0, waiting=0.0, hint=hint, power_off_in=0))
