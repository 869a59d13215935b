"""Messages about a turn: its settled words, and at the end its formatted text."""

import re
from collections.abc import Iterator, Sequence
from functools import partial

from msgspec import UNSET

from appliance.servers.local_service.parameters import SessionParameters
from appliance.servers.local_service.protocol import Turn, TurnWord
from appliance.servers.local_service.speakers import speaker_of
from appliance.servers.local_service.turn_detector import TurnUpdate

TENTATIVE_WORDS = 2
"""Words at the end of an unfinished turn that may still change."""

_VERB = (
    "is|are|was|were|am|do|does|did|have|has|had|can|could|will|would|shall|should|may|might|must"
)
_SUBJECT = "i|you|he|she|it|we|they|there|this|that|these|those|the|a|an|my|your"
_QUESTION = re.compile(
    rf"what( (?!({_SUBJECT})\b)|'|$)"
    rf"|(who|where|when|why|which|how)('|$| ({_VERB}|much|many)\b)"
    rf"|({_VERB}) ({_SUBJECT})\b"
)
_CAPITALISED = re.compile(
    "i('.*)?|monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|april|june"
    "|july|august|september|october|november|december|english|german|french|spanish|italian"
)


def turn_messages(
    turn: TurnUpdate, parameters: SessionParameters, *, labels: bool = False
) -> Iterator[Turn]:
    """Yield the messages about a turn, as the session's model and settings have them.

    Word-by-word models leave tentative words out of the transcript, and send a finished turn a
    second time, formatted, if that is set. The others have every word in the transcript, and send
    a finished turn once, formatted. With `labels`, finished turns tell who spoke.
    """
    message = partial(_message, turn, labels=labels and turn.finished)
    if parameters.sends_formatted_only:
        yield message(held_back=0, formatted=turn.finished)
        return
    yield message(held_back=0 if turn.finished else TENTATIVE_WORDS, formatted=False)
    if turn.finished and parameters.sends_formatted:
        yield message(held_back=0, formatted=True)


def format_words(words: Sequence[str]) -> list[str]:
    """Return the words of a turn with capitals, and a full stop or question mark at the end.

    >>> format_words(["where", "is", "it"])
    ['Where', 'is', 'it?']
    """
    if not words:
        return []
    cased = [_cased(word) for word in words]
    cased[0] = cased[0][:1].upper() + cased[0][1:]
    if cased[-1][-1].isalnum():  # some engines add punctuation
        cased[-1] += "?" if _QUESTION.match(" ".join(words)) else "."
    return cased


def _message(turn: TurnUpdate, *, held_back: int, formatted: bool, labels: bool) -> Turn:
    texts = [word.text for word in turn.words]
    if formatted:
        texts = format_words(texts)
    settled = max(0, len(texts) - held_back)
    final = len(texts) if turn.finished else max(0, len(texts) - TENTATIVE_WORDS)
    transcript = " ".join(texts[:settled])
    return Turn(
        turn_order=turn.order,
        transcript=transcript,
        end_of_turn=turn.finished,
        turn_is_formatted=formatted,
        end_of_turn_confidence=turn.end_confidence,
        utterance=transcript if turn.finished else "",
        words=[
            TurnWord(
                text,
                word.start,
                word.end,
                word.confidence,
                word_is_final=place < final,
                speaker=(word.speaker if labels else "") or UNSET,
            )
            for place, (text, word) in enumerate(zip(texts, turn.words, strict=True))
        ],
        speaker_label=speaker_of([word.speaker for word in turn.words]) if labels else UNSET,
    )


def _cased(word: str) -> str:
    return word.capitalize() if _CAPITALISED.fullmatch(word) else word
