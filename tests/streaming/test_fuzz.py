"""Ten thousand messages of every kind: none is fatal, and no turn among them is lost."""

import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.controller.transcript import Transcript
from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import TurnReceived
from appliance.core.turns import Covered
from appliance.streaming.retry_policy import PACES
from appliance.streaming.stream import Stream
from tests.rig.posted import Posted
from tests.rig.waiting import wait_until
from tests.streaming.doubles import FakeTransport, backlog_of

MESSAGES = 10_000
TURNS = 50
AUDIO_SECONDS = 10

Frame = str | bytes

NONSENSE: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 1e308, 2**63 - 1, 2**63, 2**64, 10**400, "", "text", "\u0000", [], [[]],
    {}, {"a": None},
)  # fmt: skip


def real_turn(order: int, *, finished: bool) -> str:
    """Return a turn of one word, with its place in the audio."""
    start = order * AUDIO_SECONDS * 1000 // TURNS
    words = [{"text": f"w{order}", "start": start, "end": start + 50, "word_is_final": True}]
    return json.dumps(
        {
            "type": "Turn",
            "turn_order": order,
            "transcript": f"w{order}",
            "end_of_turn": finished,
            "words": words,
        }
    )


def noise(chance: random.Random) -> Frame:
    return chance.randbytes(chance.randrange(200))


def torn(chance: random.Random) -> Frame:
    return real_turn(0, finished=True)[: chance.randrange(60)]


def deep(chance: random.Random) -> Frame:
    return chance.choice("[{") * chance.choice([10, 1_000, 50_000])


def bare(chance: random.Random) -> Frame:
    return json.dumps(chance.choice(NONSENSE))


def mistyped(chance: random.Random) -> Frame:
    types: list[Any] = ["Turn", "Begin", "Error", "Warning", "Tomorrow", None, 5, []]
    fields = chance.choices(["turn_order", "transcript", "end_of_turn", "words", "error"], k=3)
    nonsense = {field: chance.choice(NONSENSE) for field in fields}
    return json.dumps({"type": chance.choice(types)} | nonsense)


def foreign(chance: random.Random) -> Frame:
    return json.dumps(foreign_turn(chance))


def misplaced(chance: random.Random) -> Frame:
    words = [{"text": "x", "start": chance.choice(NONSENSE), "end": chance.choice(NONSENSE)}]
    return json.dumps(foreign_turn(chance) | {"words": words})


def far_away(chance: random.Random) -> Frame:
    place = chance.choice([10**9, 10**18, 10**300, -(10**18)])
    words = [{"text": "x", "start": place, "end": place}]
    return json.dumps(foreign_turn(chance) | {"words": words})


def junk(chance: random.Random) -> Frame:
    """Return a message that has nothing to do with the real turns."""
    kinds = [noise, torn, deep, bare, mistyped, foreign, misplaced, far_away]
    return chance.choice(kinds)(chance)


def foreign_turn(chance: random.Random) -> dict[str, Any]:
    """Return a turn far after the real ones, without text."""
    order = chance.choice([chance.randrange(10**6, 10**7), 2**53 - 1, 2**63 - 1])
    finished = chance.random() < 0.5
    return {"type": "Turn", "turn_order": order, "transcript": "", "end_of_turn": finished}


def messages(chance: random.Random) -> Iterator[Frame]:
    """Yield the real turns in their order, partial and finished, at random places among junk."""
    places = sorted(chance.sample(range(MESSAGES), 2 * TURNS))
    real = {place: (number // 2, number % 2 == 1) for number, place in enumerate(places)}
    big = chance.choice([place for place in range(MESSAGES) if place not in real])
    for place in range(MESSAGES):
        if place in real:
            order, finished = real[place]
            yield real_turn(order, finished=finished)
        elif place == big:
            yield json.dumps({"type": "Tomorrow", "what": "x" * 10_000_000})
        elif chance.random() < 0.05:  # a partial that came late
            earlier = [order for at, (order, finished) in real.items() if at < place and finished]
            yield real_turn(chance.choice(earlier), finished=False) if earlier else junk(chance)
        else:
            yield junk(chance)


def test_ten_thousand_messages_lose_no_turn(tmp_path: Path) -> None:
    posted = Posted()
    audio = bytes(AUDIO_SECONDS * SAMPLE_RATE * 2)
    backlog = backlog_of(audio, tmp_path, posted)
    stream = Stream(backlog, Covered(), PACES[0], FakeTransport, posted)
    running = threading.Thread(target=stream.run)
    running.start()
    wait_until(lambda: stream.sent == AUDIO_SECONDS * SAMPLE_RATE)
    for frame in messages(random.Random(1)):
        stream.received(frame)
    covered = stream.covered()
    stream.abandon()
    running.join()

    transcript = Transcript()
    for event in posted.of(TurnReceived):
        assert 0 <= event.started <= AUDIO_SECONDS
        assert 0 <= event.ended <= AUDIO_SECONDS
        assert 0 <= event.turn.order < 2**63
        assert event.covered.position <= stream.sent
        if event.turn.order < TURNS:
            transcript.receive(event.origin, event.turn)
    shown = transcript.latest(TURNS)
    assert [turn.text for turn in shown] == [f"w{order}" for order in range(TURNS)]
    assert all(turn.finished for turn in shown)
    assert covered.order == TURNS
