from tests.benchmarks.reports import Report
from tests.benchmarks.soak_totals import Totals, surely_said, totals_of
from tests.benchmarks.taps import Span


def pressed(at: float) -> Report:
    return Report(at, "pressed")


def mode(at: float, name: str) -> Report:
    return Report(at, "mode", name)


def test_a_session_lasts_from_connecting_to_the_press_that_ends_it() -> None:
    reports = [
        mode(0.0, "ready"),
        pressed(1.0),
        mode(1.1, "connecting"),
        mode(1.5, "listening"),
        mode(3.0, "reconnecting"),
        mode(4.0, "listening"),
        pressed(7.0),
        mode(7.1, "finishing"),
        mode(8.0, "saved"),
    ]
    assert totals_of(reports) == Totals(1, 6.0, (7.0,))


def test_a_session_that_goes_on_does_not_count() -> None:
    assert totals_of([pressed(1.0), mode(1.1, "connecting")]) == Totals(0, 0.0, ())


def test_a_press_that_changes_nothing_stops_nothing() -> None:
    reports = [pressed(0.5), mode(1.0, "starting"), mode(2.0, "ready"), pressed(3.0)]
    assert totals_of(reports) == Totals(0, 0.0, ())


def test_the_next_session_may_begin_while_the_last_one_finishes() -> None:
    reports = [
        pressed(1.0),
        mode(1.0, "connecting"),
        pressed(3.0),
        mode(3.0, "finishing"),
        pressed(4.0),
        mode(4.0, "connecting"),
        pressed(9.0),
        mode(9.0, "finishing"),
    ]
    assert totals_of(reports) == Totals(2, 7.0, (3.0, 9.0))


def test_words_away_from_every_stop_were_surely_said() -> None:
    spans = {"w1": Span(2.0, 2.3), "w0": Span(1.0, 1.3)}
    assert surely_said(spans, [5.0]) == ["w0", "w1"]


def test_a_word_around_a_stop_may_go_either_way() -> None:
    spans = {"w0": Span(1.0, 1.3), "w1": Span(4.5, 4.8), "w2": Span(4.9, 5.2), "w3": Span(5.4, 5.7)}
    assert surely_said(spans, [5.0]) == ["w0", "w3"]
