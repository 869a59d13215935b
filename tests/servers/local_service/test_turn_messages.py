import json

import pytest

from appliance.servers.local_service.engines.base import HeardWord
from appliance.servers.local_service.parameters import SessionParameters
from appliance.servers.local_service.protocol import encoded
from appliance.servers.local_service.turn_detector import TurnUpdate
from appliance.servers.local_service.turn_messages import format_words, turn_messages

PLAIN = SessionParameters(speech_model="universal-streaming-english")
FORMATTED = SessionParameters(speech_model="universal-streaming-english", format_turns=True)
WRITING = SessionParameters(speech_model="u3-rt-pro")


def turn(text: str, *, finished: bool) -> TurnUpdate:
    words = tuple(
        HeardWord(word, place * 100, place * 100 + 90) for place, word in enumerate(text.split())
    )
    return TurnUpdate(3, words, finished)


def test_the_last_two_words_of_a_partial_are_tentative() -> None:
    (message,) = turn_messages(turn("so it is said", finished=False), FORMATTED)
    assert message.transcript == "so it"
    assert [word.word_is_final for word in message.words] == [True, True, False, False]
    assert not message.end_of_turn


def test_a_partial_of_one_word_has_no_transcript() -> None:
    (message,) = turn_messages(turn("so", finished=False), FORMATTED)
    assert message.transcript == ""
    assert message.words[0].text == "so"


def test_all_words_of_a_finished_turn_are_final() -> None:
    (message,) = turn_messages(turn("so it is", finished=True), PLAIN)
    assert message.transcript == message.utterance == "so it is"
    assert all(word.word_is_final for word in message.words)


def test_a_formatted_turn_follows_the_plain_one() -> None:
    plain, formatted = turn_messages(turn("so it is", finished=True), FORMATTED)
    assert (plain.turn_order, formatted.turn_order) == (3, 3)
    assert (plain.turn_is_formatted, formatted.turn_is_formatted) == (False, True)
    assert plain.end_of_turn
    assert formatted.end_of_turn
    assert formatted.transcript == "So it is."
    assert [word.text for word in formatted.words] == ["So", "it", "is."]


def test_a_turn_that_ended_without_words_is_finished_empty() -> None:
    messages = list(turn_messages(turn("", finished=True), FORMATTED))
    assert [message.transcript for message in messages] == ["", ""]


def test_a_newer_model_sends_a_finished_turn_once() -> None:
    (message,) = turn_messages(turn("so it is", finished=True), WRITING)
    assert message.end_of_turn
    assert message.turn_is_formatted
    assert message.transcript == "So it is."


def test_a_newer_model_has_every_word_in_its_partials() -> None:
    (message,) = turn_messages(turn("so it is", finished=False), WRITING)
    assert message.transcript == "so it is"
    assert [word.word_is_final for word in message.words] == [True, False, False]
    assert not message.turn_is_formatted


def test_speakers_are_told_with_finished_turns_if_they_are_wanted() -> None:
    words = (HeardWord("so", 0, 90, speaker="A"), HeardWord("what", 100, 190))
    done = TurnUpdate(3, words, finished=True)
    (message,) = turn_messages(done, WRITING, labels=True)
    assert message.speaker_label == "A"
    assert [json.loads(encoded(message))["words"][n].get("speaker") for n in (0, 1)] == ["A", None]
    (message,) = turn_messages(turn("so", finished=True), WRITING, labels=True)
    assert message.speaker_label == "PENDING"
    partial = TurnUpdate(3, words, finished=False)
    for message in [
        *turn_messages(partial, WRITING, labels=True),
        *turn_messages(done, WRITING, labels=False),
    ]:
        assert "speaker" not in encoded(message)


@pytest.mark.parametrize(
    "sentence",
    [
        "Press the button.",
        "I think I'm late on Monday.",
        "What time does the train leave?",
        "What is it?",
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
def test_formatted_turns_have_capitals_and_punctuation(sentence: str) -> None:
    assert " ".join(format_words(sentence.lower().rstrip(".?").split())) == sentence
