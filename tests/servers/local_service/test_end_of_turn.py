import pytest

from appliance.servers.local_service.end_of_turn import end_of_turn_confidence


@pytest.mark.parametrize("text", ["i will call the doctor", "turn it on", "yes", "what is that"])
def test_a_turn_that_may_be_complete_is_surer_than_the_default_threshold(text: str) -> None:
    assert end_of_turn_confidence(text.split(), 1.0) > 0.4


@pytest.mark.parametrize("text", ["i will call the", "yes and", "the keys of", "without", "a"])
def test_a_turn_that_wants_another_word_is_not(text: str) -> None:
    assert 0 < end_of_turn_confidence(text.split(), 1.0) < 0.4


def test_a_turn_without_words_is_not_sure_to_end() -> None:
    assert end_of_turn_confidence([], 1.0) < 0.4


def test_without_a_silence_there_is_no_end() -> None:
    assert end_of_turn_confidence(["yes"], 0.0) == 0


def test_it_grows_with_the_silence() -> None:
    grown = [end_of_turn_confidence(["yes"], share / 4) for share in range(5)]
    assert grown == sorted(set(grown))
