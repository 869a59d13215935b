import pytest

from tests.benchmarks.soak_growth import MIN_SAMPLES, ResourceUsage, Tolerance, growth, growths


def sample(rss: float = 60.0, threads: float = 12.0) -> ResourceUsage:
    return ResourceUsage(
        rss=rss,
        own=30.0,
        pss=40.0,
        in_use=12.0,
        blocks=2e5,
        threads=threads,
        descriptors=8.0,
        cpu=1.0,
    )


def test_what_stays_the_same_did_not_grow() -> None:
    assert not growth([7.0] * 40, Tolerance()).grew


def test_one_more_at_the_end_is_growth_where_nothing_is_tolerated() -> None:
    assert growth([7.0] * 20 + [8.0] * 20, Tolerance()).grew


def test_what_comes_and_goes_is_no_growth() -> None:
    assert not growth([7.0, 9.0, 7.0, 7.0] * 10, Tolerance()).grew


def test_a_single_peak_is_no_growth() -> None:
    assert not growth([7.0] * 39 + [90.0], Tolerance()).grew


def test_a_steady_leak_is_growth() -> None:
    compared = growth([60.0 + 0.1 * number for number in range(100)], Tolerance(0.04, 2.0))
    assert compared.grew
    assert compared.first == pytest.approx(61.2)
    assert compared.last == pytest.approx(68.7)


def test_the_larger_tolerance_counts() -> None:
    values = [60.0] * 8 + [62.1] * 8
    assert growth(values, Tolerance(0.01, 2.0)).grew
    assert not growth(values, Tolerance(0.04, 2.0)).grew
    assert not growth(values, Tolerance(0.01, 3.0)).grew


def test_less_at_the_end_is_no_growth() -> None:
    assert not growth([9.0] * 20 + [7.0] * 20, Tolerance()).grew


def test_each_quantity_is_judged_by_itself() -> None:
    samples = [sample()] * MIN_SAMPLES + [sample(threads=13.0)] * MIN_SAMPLES
    assert [name for name, compared in growths(samples).items() if compared.grew] == ["threads"]


def test_too_few_samples_say_nothing() -> None:
    assert growths([sample()] * (MIN_SAMPLES - 1)) == {}
