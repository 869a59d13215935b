from hypothesis import given
from hypothesis import strategies as st

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.turns import Covered, Turn, Word
from appliance.streaming.coverage import MARGIN, MAX_TURNS, Coverage
from appliance.streaming.suspect_audio import TURN_TIMEOUT

MS = SAMPLE_RATE // 1000
ORIGIN = 5 * SAMPLE_RATE
EARLIER = Covered(ORIGIN, 0, 4)


def turn(order: int, *times: tuple[int, int], finished: bool = True, text: str = "said") -> Turn:
    """Return a turn with words from and to these milliseconds."""
    words = tuple(Word(f"w{start}", start, end) for start, end in times)
    return Turn(order, text if words else "", finished, words=words)


def after(seconds: float) -> Coverage:
    """Return the coverage of a connection, opened at 0, on which so much audio was sent."""
    coverage = Coverage(ORIGIN, EARLIER, opened_at=0.0)
    coverage.began()
    for second in range(1, round(seconds) + 1):
        coverage.sent(ORIGIN + second * SAMPLE_RATE, float(second))
    return coverage


def position(milliseconds: int) -> int:
    return ORIGIN + milliseconds * MS


def test_nothing_is_covered_at_first() -> None:
    assert Coverage(ORIGIN, EARLIER, 0.0).covered(1.0) == EARLIER


def test_what_the_backlog_dropped_counts_as_covered() -> None:
    assert Coverage(ORIGIN + 7, EARLIER, 0.0).covered(1.0) == Covered(ORIGIN + 7, 0, 4)


def test_a_finished_turn_covers_a_margin_after_its_last_word() -> None:
    coverage = after(10)
    coverage.heard(turn(0, (100, 400), (500, 900)), 10.0)
    assert coverage.covered(10.0) == Covered(position(900) + MARGIN, ORIGIN, 1)
    assert position(900) + MARGIN == position(1100)


def test_an_unfinished_turn_covers_nothing() -> None:
    coverage = after(10)
    coverage.heard(turn(0, (100, 900), finished=False), 10.0)
    assert coverage.covered(10.0) == EARLIER


def test_a_cut_lies_at_most_half_way_to_the_next_word() -> None:
    coverage = after(10)
    coverage.heard(turn(1, (1000, 1300), finished=False), 10.0)
    coverage.heard(turn(0, (100, 900)), 10.0)
    assert coverage.covered(10.0).position == position(950)


def test_a_cut_never_lies_before_the_end_of_its_word() -> None:
    coverage = after(10)
    coverage.heard(turn(1, (700, 1300), finished=False), 10.0)
    coverage.heard(turn(0, (100, 900)), 10.0)
    assert coverage.covered(10.0).position == position(900)


def test_the_first_end_of_turn_counts_and_the_formatted_one_changes_nothing() -> None:
    coverage = after(10)
    coverage.heard(turn(0, (100, 900)), 10.0)
    covered = coverage.covered(10.0)
    coverage.heard(turn(0, (100, 5900), text="Said."), 10.1)
    coverage.heard(turn(0, (100, 5900), finished=False), 10.2)
    assert coverage.covered(10.2) == covered


def test_a_turn_whose_words_were_withdrawn_covers_nothing() -> None:
    coverage = after(10)
    coverage.heard(Turn(0, "", tentative="wo", words=(Word("wo", 100, 400, final=False),)), 10.0)
    coverage.heard(Turn(0, "", finished=True), 10.0)
    assert coverage.covered(10.0) == EARLIER
    coverage.heard(turn(1, (2000, 2900)), 10.0)
    assert coverage.covered(10.0) == Covered(position(3100), ORIGIN, 2)


def test_a_turn_waits_for_all_below_it() -> None:
    coverage = after(10)
    coverage.heard(turn(0, (100, 900), finished=False), 10.0)
    coverage.heard(turn(1, (2000, 2900)), 10.0)
    assert coverage.covered(20.0) == EARLIER
    coverage.heard(turn(0, (100, 900)), 20.0)
    assert coverage.covered(20.0) == Covered(position(3100), ORIGIN, 2)


def test_a_turn_that_never_came_is_not_waited_for_forever() -> None:
    coverage = after(10)
    coverage.heard(turn(1, (2000, 2900)), 10.0)
    coverage.heard(turn(2, (9000, 9900), finished=False), 10.0)
    assert coverage.covered(10.0 + TURN_TIMEOUT) == EARLIER
    assert coverage.covered(10.1 + TURN_TIMEOUT) == Covered(position(3100), ORIGIN, 2)


def test_a_finished_turn_without_word_times_is_heard_again() -> None:
    coverage = after(10)
    coverage.heard(Turn(0, "no idea when", finished=True), 10.0)
    assert coverage.covered(10.0) == EARLIER
    coverage.heard(turn(1, (2000, 2900)), 10.0)
    assert coverage.covered(10.0) == Covered(position(3100), ORIGIN, 2)


def test_a_turn_before_what_is_covered_is_covered_too() -> None:
    coverage = after(10)
    coverage.heard(turn(0, (100, 3900)), 10.0)
    assert coverage.covered(10.0) == Covered(position(4100), ORIGIN, 1)
    coverage.heard(turn(1, (3000, 3500)), 10.0)
    # Its audio won't be sent again: a new connection must not drop what it said.
    assert coverage.covered(10.0) == Covered(position(4100), ORIGIN, 2)


def test_a_word_where_nothing_was_sent_yet_covers_nothing() -> None:
    coverage = after(10)
    coverage.heard(turn(0, (100, 10**12)), 10.0)
    assert coverage.covered(10.0) == EARLIER
    coverage.heard(turn(1, (2000, 2900)), 10.0)
    assert coverage.covered(10.0) == Covered(position(3100), ORIGIN, 2)


def test_a_frame_may_be_heard_before_it_is_noted() -> None:
    coverage = after(10)
    coverage.heard(turn(0, (9_500, 10_400)), 10.0)
    assert coverage.covered(10.0) == Covered(position(10_000), ORIGIN, 1)


def test_silence_is_covered_after_a_while() -> None:
    coverage = after(60)
    assert coverage.covered(60.0) == Covered(position(29_000), ORIGIN, 0)


def test_silence_after_a_turn_is_covered_after_a_while() -> None:
    coverage = after(60)
    coverage.heard(turn(0, (100, 900)), 60.0)
    assert coverage.covered(60.0) == Covered(position(29_000), ORIGIN, 1)


def test_words_beyond_the_turns_that_are_followed_are_no_silence() -> None:
    coverage = after(10)
    for order in range(MAX_TURNS):
        coverage.heard(turn(order, finished=False), 10.0)
    assert coverage.covered(39.0) == Covered(position(8_000), ORIGIN, 0)
    coverage.heard(turn(MAX_TURNS, (9_100, 9_900), finished=False), 10.0)
    assert coverage.covered(60.0) == Covered(position(8_000), ORIGIN, 0)


def test_there_is_no_silence_while_a_turn_is_open() -> None:
    coverage = after(60)
    coverage.heard(turn(0, (100, 900), finished=False), 60.0)
    assert coverage.covered(60.0) == EARLIER


def test_a_turn_that_opened_in_the_silence_without_words_is_heard_again() -> None:
    coverage = after(60)
    coverage.heard(turn(0, finished=False), 60.0)
    # Its words are still to come; if they come on two connections, one replaces the other.
    assert coverage.covered(60.0) == Covered(position(29_000), ORIGIN, 0)


def test_a_backlog_counts_as_silence_only_when_a_service_had_time_to_hear_it() -> None:
    coverage = Coverage(ORIGIN, EARLIER, 0.0)
    coverage.began()
    coverage.sent(position(120_000), 2.0)
    assert coverage.covered(TURN_TIMEOUT + 3.0).position == position(3_000)
    assert coverage.covered(TURN_TIMEOUT + 50.0).position == position(50_000)
    assert coverage.covered(TURN_TIMEOUT + 500.0).position == position(120_000)


def test_a_termination_covers_all_that_was_sent() -> None:
    coverage = after(10)
    coverage.heard(turn(0, (100, 900), finished=False), 10.0)
    assert coverage.terminated(10.0)
    assert coverage.covered(10.0) == Covered(position(10_000), ORIGIN, 1)


def test_the_last_word_is_known() -> None:
    coverage = after(10)
    coverage.heard(turn(0, (100, 900), finished=False), 10.0)
    assert coverage.last_word == position(900)


moments = st.integers(min_value=-1000, max_value=40_000)
turns = st.builds(
    lambda order, finished, times: turn(order, *times, finished=finished),
    st.integers(min_value=0, max_value=6),
    st.booleans(),
    st.lists(st.tuples(moments, moments), max_size=3),
)
happenings = st.lists(st.one_of(turns, st.integers(min_value=1, max_value=20)), max_size=40)


@given(happenings)
def test_coverage_never_shrinks_nor_exceeds_what_was_sent(
    happenings: list[Turn | int],
) -> None:
    coverage = Coverage(ORIGIN, EARLIER, 0.0)
    coverage.began()
    now, sent, covered = 0.0, ORIGIN, EARLIER
    for happening in happenings:
        if isinstance(happening, Turn):
            coverage.heard(happening, now)
        else:
            now += happening
            sent += happening * SAMPLE_RATE
            coverage.sent(sent, now)
        before, covered = covered, coverage.covered(now)
        assert before.position <= covered.position <= sent
        assert before.key <= covered.key
    assert coverage.terminated(now)
    assert coverage.covered(now).position == sent


def test_nothing_is_silence_before_the_service_has_begun_to_listen() -> None:
    coverage = Coverage(ORIGIN, EARLIER, 0.0)
    for second in range(60):
        coverage.sent(position(1000 * second), second)
    assert coverage.covered(90.0) == EARLIER


def test_a_turn_without_times_was_spoken_just_now() -> None:
    coverage = after(10)
    coverage.heard(Turn(0, "hello"), 10.0)
    assert coverage.last_word == position(10_000)


def test_a_finished_turn_without_times_is_heard_again_until_its_audio_is_old() -> None:
    coverage = after(20)
    coverage.heard(Turn(0, "hello", finished=True), 20.0)
    assert coverage.covered(45.0) == EARLIER
    coverage.sent(position(60_000), 60.0)
    assert coverage.covered(61.0).key == EARLIER.key
    coverage.sent(position(120_000), 120.0)
    assert coverage.covered(121.0).key == (ORIGIN, 1)
