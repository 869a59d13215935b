import math

from tests.benchmarks.captions import seconds_until_live, shown_at
from tests.benchmarks.reports import Report
from tests.benchmarks.taps import Span

SAID = {"w0": Span(10.0, 10.3), "w1": Span(12.0, 12.3), "w2": Span(20.0, 20.3)}


def test_a_word_counts_as_shown_when_it_was_first_seen() -> None:
    reports = [Report(1.0, "shown", "listening", ("w0",)), Report(2.0, "shown", "", ("w0", "w1"))]
    assert shown_at(reports) == {"w0": 1.0, "w1": 2.0}


def test_captions_are_live_with_the_first_word_that_is_shown_in_time() -> None:
    shown = {"w0": 10.5, "w1": 15.0, "w2": 20.5}
    assert seconds_until_live(SAID, shown, since=11.0) == 9.5


def test_a_word_begun_before_the_end_of_the_fault_proves_nothing() -> None:
    assert seconds_until_live(SAID, {"w0": 10.5}, since=10.1) == math.inf


def test_words_that_come_late_are_no_live_captions() -> None:
    assert seconds_until_live(SAID, {"w1": 13.4, "w2": 30.0}, since=0.0) == math.inf
