from collections.abc import Mapping, Sequence

from appliance.servers.local_service.parameters import SessionParameters
from appliance.servers.local_service.speakers import LabelledTurns
from appliance.servers.local_service.turn_detector import TurnUpdate
from appliance.servers.local_service.turn_messages import turn_messages
from tests.servers.local_service.doubles import ScriptedEngine

PRO = SessionParameters(speaker_labels=True)
SAID = [[("so", "A"), ("what", "A")], [("yes", "")], [("no", "B")]]


def labelled(interval: int | None = None) -> tuple[ScriptedEngine, LabelledTurns]:
    """Return an engine, and the turns of its first and third utterance; the second is dropped."""
    engine = ScriptedEngine(*SAID)
    engine.label_speakers(None)
    turns = LabelledTurns(engine, interval)
    for utterance, order in ((0, 0), (1, None), (2, 1)):
        words = tuple(engine.finish())
        if order is not None:
            update = TurnUpdate(order, words, finished=True, utterance=utterance)
            for message in turn_messages(update, PRO, labels=True):
                turns.keep(utterance, message)
    return engine, turns


def revised(speakers: Mapping[int, Sequence[str]]) -> list[tuple[int, str, list[object]]]:
    engine, turns = labelled()
    engine.revise(speakers)
    revision = turns.revision(0)
    if revision is None:
        return []
    return [
        (turn.turn_order, turn.speaker_label, [(w.text, w.speaker) for w in turn.words])
        for turn in revision.revisions
    ]


def test_a_revision_has_the_turns_that_changed_with_all_their_words() -> None:
    assert revised({0: ["A", "B"], 2: ["B"]}) == [(0, "A", [("So", "A"), ("what.", "B")])]
    assert revised({2: ["C"]}) == [(1, "C", [("No.", "C")])]


def test_what_does_not_fit_a_turn_is_left_out() -> None:
    assert revised({1: ["A"], 7: ["A"], 0: ["A"], 2: []}) == []


def test_only_what_is_new_since_the_last_revision_is_told() -> None:
    engine, turns = labelled()
    engine.revise({2: ["A"]})
    assert turns.revision(0)
    engine.revise({2: ["A"]})
    assert turns.revision(0) is None


def test_revisions_come_at_their_interval() -> None:
    _, turns = labelled(interval=120_000)
    assert [turns.is_due(at) for at in (119_999, 120_000)] == [False, True]
    turns.revision(121_000)
    assert [turns.is_due(at) for at in (240_999, 241_000)] == [False, True]
    assert not labelled()[1].is_due(10_000_000)
