from hypothesis import given
from hypothesis import strategies as st

from appliance.controller.transcript import MOST_TURNS, Transcript
from appliance.core.turns import Covered, Key, Revision, Turn


def texts(transcript: Transcript) -> list[str]:
    return [f"{turn.text}{turn.tentative}" for turn in transcript.latest(MOST_TURNS)]


def test_turns_are_sorted_by_number_not_by_arrival_or_spelling() -> None:
    transcript = Transcript()
    for order in (10, 2, 1, 0, 9):
        transcript.receive(0, Turn(order, str(order)))
    assert texts(transcript) == ["0", "1", "2", "9", "10"]


def test_turns_of_a_later_connection_come_after_those_of_an_earlier_one() -> None:
    transcript = Transcript()
    transcript.receive(160_000, Turn(0, "second", finished=True))
    transcript.receive(0, Turn(5, "first", finished=True))
    assert texts(transcript) == ["first", "second"]


def test_a_later_message_replaces_the_earlier_one() -> None:
    transcript = Transcript()
    for turn in (
        Turn(0, "", tentative="good"),
        Turn(0, "good", tentative="mor"),
        Turn(0, "good morning", finished=True),
        Turn(0, "Good morning.", finished=True),
    ):
        transcript.receive(0, turn)
        assert transcript.latest(3) == [turn]


def test_a_late_partial_changes_nothing() -> None:
    transcript = Transcript()
    finished = Turn(0, "good morning", finished=True)
    transcript.receive(0, finished)
    transcript.receive(0, Turn(0, "good", tentative="mor"))
    assert transcript.latest(3) == [finished]


def test_turns_without_words_are_not_shown() -> None:
    transcript = Transcript()
    transcript.receive(0, Turn(0, "said", finished=True))
    transcript.receive(0, Turn(1, ""))
    assert texts(transcript) == ["said"]


def test_only_the_newest_are_returned_the_newest_last() -> None:
    transcript = Transcript()
    for order in range(5):
        transcript.receive(0, Turn(order, str(order), finished=True))
    assert [turn.text for turn in transcript.latest(2)] == ["3", "4"]


def test_what_is_heard_again_stays_until_its_first_new_words() -> None:
    transcript = Transcript()
    transcript.receive(0, Turn(0, "kept", finished=True))
    transcript.receive(0, Turn(1, "heard twice", finished=True))
    transcript.receive(0, Turn(2, "half a"))
    transcript.reconnected(Covered(16_000, 0, 1))
    assert texts(transcript) == ["kept", "heard twice", "half a"]
    transcript.receive(16_000, Turn(0, ""))
    assert texts(transcript) == ["kept", "heard twice", "half a"]
    transcript.receive(16_000, Turn(0, "", tentative="heard"))
    assert texts(transcript) == ["kept", "heard"]


def test_a_connection_that_starts_where_the_last_one_did_replaces_its_turns() -> None:
    transcript = Transcript()
    transcript.receive(0, Turn(0, "heard once", finished=True))
    transcript.reconnected(Covered())
    transcript.receive(0, Turn(0, ""))
    assert texts(transcript) == ["heard once"]
    transcript.receive(0, Turn(0, "", tentative="heard"))
    assert texts(transcript) == ["heard"]


def test_a_connection_that_drops_before_a_word_changes_nothing() -> None:
    transcript = Transcript()
    transcript.receive(0, Turn(0, "half a"))
    transcript.reconnected(Covered())
    transcript.reconnected(Covered())
    assert texts(transcript) == ["half a"]


def test_words_are_counted_once_and_those_still_being_spoken_not_yet() -> None:
    transcript = Transcript()
    transcript.receive(0, Turn(0, "two words", finished=True))
    transcript.receive(0, Turn(0, "Two words.", finished=True))
    transcript.receive(0, Turn(1, "one", tentative="more"))
    assert transcript.words == 3


def test_a_long_session_takes_no_more_memory_and_its_words_still_count() -> None:
    transcript = Transcript()
    for order in range(10_000):
        transcript.receive(0, Turn(order, "two words", finished=True))
    assert transcript.words == 20_000
    assert len(transcript.latest(10_000)) == MOST_TURNS


def speakers(transcript: Transcript) -> list[str]:
    return [turn.speaker for turn in transcript.latest(MOST_TURNS)]


def test_a_later_message_without_a_speaker_leaves_the_one_before() -> None:
    transcript = Transcript()
    transcript.receive(0, Turn(0, "good morning", finished=True, speaker="A"))
    transcript.receive(0, Turn(0, "Good morning.", finished=True, formatted=True))
    assert speakers(transcript) == ["A"]
    transcript.receive(0, Turn(0, "Good morning.", finished=True, formatted=True, speaker="B"))
    assert speakers(transcript) == ["B"]


def test_a_revision_changes_the_speakers_of_its_connection() -> None:
    transcript = Transcript()
    for order in range(2):
        transcript.receive(0, Turn(order, "first", finished=True, speaker="A"))
        transcript.receive(16_000, Turn(order, "second", finished=True, speaker="A"))
    transcript.revise(16_000, [Revision(0, "B"), Revision(1, ""), Revision(7, "C")])
    assert speakers(transcript) == ["A", "A", "B", ""]
    assert set(transcript.labels) == {(0, "A"), (16_000, "A"), (16_000, "B")}


def test_speakers_of_an_earlier_run_count_unless_they_are_heard_again() -> None:
    transcript = Transcript({(0, "A"): 0, (0, "B"): 3, (16_000, "A"): 1})
    transcript.reconnected(Covered(12_000, 0, 3))
    transcript.receive(12_000, Turn(0, "again", finished=True, speaker="A"))
    assert set(transcript.labels) == {(0, "A"), (12_000, "A")}


def test_speakers_of_what_is_heard_again_are_known_no_more() -> None:
    transcript = Transcript()
    transcript.receive(0, Turn(0, "kept", finished=True, speaker="A"))
    transcript.receive(0, Turn(1, "heard again", finished=True, speaker="B"))
    transcript.receive(16_000, Turn(0, "heard again", finished=True, speaker="A"))
    transcript.reconnected(Covered(16_000, 0, 1))
    assert speakers(transcript) == ["A", "B", "A"]
    transcript.receive(16_000, Turn(0, "heard again", finished=True, speaker="C"))
    assert speakers(transcript) == ["A", "C"]
    assert set(transcript.labels) == {(0, "A"), (16_000, "C")}


LABELS = st.sampled_from(["", "A", "B"])


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("turn"), st.integers(0, 3), LABELS),
            st.tuples(st.just("revision"), st.integers(0, 3), st.sampled_from(["A", "B"])),
            st.tuples(st.just("reconnection"), st.integers(0, 3), LABELS),
        ),
        max_size=15,
    )
)
def test_whatever_comes_each_turn_has_the_last_label_of_its_own_connection(
    events: list[tuple[str, int, str]],
) -> None:
    transcript = Transcript()
    origin, expected = 0, dict[Key, str]()
    for kind, order, label in events:
        if kind == "revision":
            transcript.revise(origin, [Revision(order, label)])
            if (origin, order) in expected:
                expected[origin, order] = label
            continue
        spoken = order
        if kind == "reconnection":
            transcript.reconnected(Covered(0, origin, order))
            expected = {it: label for it, label in expected.items() if it < (origin, order)}
            origin, spoken = origin + (16_000 if order else 0), 0
        transcript.receive(origin, Turn(spoken, "said", finished=True, speaker=label))
        expected[origin, spoken] = label or expected.get((origin, spoken), "")
    assert speakers(transcript) == [label for _, label in sorted(expected.items())]
    heard = {(key[0], label) for key, label in expected.items() if label}
    assert heard <= set(transcript.labels)
    assert {origin for origin, _ in heard} == {origin for origin, _ in transcript.labels}
