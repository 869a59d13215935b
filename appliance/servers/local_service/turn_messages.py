"""How a turn is told on the wire: the words that are settled, and in the end as it is written."""

import re
from collections.abc import Iterator, Sequence
from functools import partial

from msgspec import UNSET

from appliance.servers.local_service.protocol import SessionParameters, Turn, TurnWord
from appliance.servers.local_service.turn_detector import TurnHeard

TENTATIVE = 2
"""The last words of an unfinished turn still change with what follows."""

_SPEAKER = "UNKNOWN"
"""Whose words they are: nobody here tells voices apart."""

_VERB = (
    "is|are|was|were|am|do|does|did|have|has|had|can|could|will|would|shall|should|may|might|must"
)
_SUBJECT = "i|you|he|she|it|we|they|there|this|that|these|those|the|a|an|my|your"
_QUESTION = re.compile(
    rf"what( (?!{_SUBJECT})|'|$)"
    rf"|(who|where|when|why|which|how)('|$| ({_VERB}|much|many)\b)"
    rf"|({_VERB}) ({_SUBJECT})\b"
)
_CAPITALISED = re.compile(
    "i('.*)?|monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|april|june"
    "|july|august|september|october|november|december|english|german|french|spanish|italian"
)


def turn_messages(turn: TurnHeard, parameters: SessionParameters) -> Iterator[Turn]:
    """Yield what is sent for a turn, in the way of the session's model and settings.

    Models that go word by word hold back the words still spoken, and tell a finished turn once more
    as it is written, when that is asked for. The others have every word in the transcript, and tell
    a finished turn once, as it is written.
    """
    message = partial(_message, turn, speaker=_SPEAKER if parameters.speaker_labels else None)
    if parameters.writes_turns:
        yield message(held_back=0, formatted=turn.finished)
        return
    yield message(held_back=0 if turn.finished else TENTATIVE, formatted=False)
    if turn.finished and parameters.formats_turns:
        yield message(held_back=0, formatted=True)


def written(words: Sequence[str]) -> list[str]:
    """Return the words of a turn with capitals, and a full stop or question mark at the end."""
    if not words:
        return []
    cased = [_cased(word) for word in words]
    cased[0] = cased[0][:1].upper() + cased[0][1:]
    if cased[-1][-1].isalnum():  # some engines write their own
        cased[-1] += "?" if _QUESTION.match(" ".join(words)) else "."
    return cased


def _message(turn: TurnHeard, *, held_back: int, formatted: bool, speaker: str | None) -> Turn:
    texts = [word.text for word in turn.words]
    if formatted:
        texts = written(texts)
    settled = max(0, len(texts) - held_back)
    final = len(texts) if turn.finished else max(0, len(texts) - TENTATIVE)
    transcript = " ".join(texts[:settled])
    return Turn(
        turn_order=turn.order,
        transcript=transcript,
        end_of_turn=turn.finished,
        turn_is_formatted=formatted,
        end_of_turn_confidence=turn.end_confidence,
        utterance=transcript if turn.finished else "",
        words=[
            TurnWord(text, word.start, word.end, word.confidence, word_is_final=place < final)
            for place, (text, word) in enumerate(zip(texts, turn.words, strict=True))
        ],
        speaker_label=speaker or UNSET,
    )


def _cased(word: str) -> str:
    return word.capitalize() if _CAPITALISED.fullmatch(word) else word
