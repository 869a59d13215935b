import pytest

from appliance.services.recognizer import HeardWord
from appliance.services.turn_listener import TurnHeard
from appliance.services.turn_messages import turn_messages, written


def turn(text: str, *, finished: bool) -> TurnHeard:
    words = tuple(
        HeardWord(word, place * 100, place * 100 + 90) for place, word in enumerate(text.split())
    )
    return TurnHeard(3, words, finished)


def test_the_last_two_words_of_a_partial_are_tentative() -> None:
    (message,) = turn_messages(turn("so it is said", finished=False), formatted=True)
    assert message.transcript == "so it"
    assert [word.word_is_final for word in message.words] == [True, True, False, False]
    assert not message.end_of_turn


def test_a_partial_of_one_word_has_no_transcript() -> None:
    (message,) = turn_messages(turn("so", finished=False), formatted=True)
    assert message.transcript == ""
    assert message.words[0].text == "so"


def test_all_words_of_a_finished_turn_are_final() -> None:
    (message,) = turn_messages(turn("so it is", finished=True), formatted=False)
    assert message.transcript == message.utterance == "so it is"
    assert all(word.word_is_final for word in message.words)


def test_a_formatted_turn_follows_the_plain_one() -> None:
    plain, formatted = turn_messages(turn("so it is", finished=True), formatted=True)
    assert (plain.turn_order, formatted.turn_order) == (3, 3)
    assert (plain.turn_is_formatted, formatted.turn_is_formatted) == (False, True)
    assert plain.end_of_turn
    assert formatted.end_of_turn
    assert formatted.transcript == "So it is."
    assert [word.text for word in formatted.words] == ["So", "it", "is."]


def test_a_turn_that_came_to_nothing_is_finished_empty() -> None:
    messages = list(turn_messages(turn("", finished=True), formatted=True))
    assert [message.transcript for message in messages] == ["", ""]


@pytest.mark.parametrize(
    "sentence",
    [
        "Press the button.",
        "I think I'm late on Monday.",
        "What time does the train leave?",
        "What I mean is this.",
        "When you are finished press the button.",
        "Where did you put the keys?",
        "How much is it?",
        "Could you help me?",
        "Will is my brother.",
        "Where's my book?",
        "Why?",
    ],
)
def test_turns_are_written_with_capitals_and_an_end(sentence: str) -> None:
    assert " ".join(written(sentence.lower().rstrip(".?").split())) == sentence
