import math

from tests.benchmarks.screen_figures import Target, median, percentile


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(200, 0, -1)]
    assert percentile(values, 0.99) == 198
    assert percentile(values, 1.0) == 200
    assert median(values) == 100
    assert percentile([7.0], 0.01) == 7


def test_of_nothing_there_is_no_percentile_and_it_meets_no_target() -> None:
    assert math.isnan(median([]))
    assert Target(30, "ms", slack=2).is_failed(median([]))


def test_a_target_is_missed_before_it_is_failed() -> None:
    target = Target(30, "ms", slack=2)
    assert target.verdict(29.9) == "< 30 ms met"
    assert target.verdict(30.1) == "< 30 ms MISSED"
    assert not target.is_failed(59.0)
    assert target.is_failed(61.0)
