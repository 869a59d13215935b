"""How a turn is told on the wire: the words that are settled, and in the end as it is written."""

import re
from collections.abc import Iterator, Sequence

from appliance.services.turn_listener import TurnHeard
from appliance.services.wire import Turn, TurnWord

TENTATIVE = 2
"""The last words of an unfinished turn still change with what follows."""

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


def turn_messages(turn: TurnHeard, *, formatted: bool) -> Iterator[Turn]:
    """Yield what is sent for a turn: once, and once more as it is written when it is finished."""
    plain = [word.text for word in turn.words]
    yield _message(turn, plain, formatted=False)
    if turn.finished and formatted:
        yield _message(turn, written(plain), formatted=True)


def written(words: Sequence[str]) -> list[str]:
    """Return the words of a turn with capitals, and a full stop or question mark at the end."""
    if not words:
        return []
    cased = [_cased(word) for word in words]
    cased[0] = cased[0][:1].upper() + cased[0][1:]
    cased[-1] += "?" if _QUESTION.match(" ".join(words)) else "."
    return cased


def _message(turn: TurnHeard, texts: Sequence[str], *, formatted: bool) -> Turn:
    settled = len(texts) if turn.finished else max(0, len(texts) - TENTATIVE)
    transcript = " ".join(texts[:settled])
    return Turn(
        turn_order=turn.order,
        transcript=transcript,
        end_of_turn=turn.finished,
        turn_is_formatted=formatted,
        end_of_turn_confidence=1.0 if turn.finished else 0.0,
        utterance=transcript if turn.finished else "",
        words=[
            TurnWord(text, word.start, word.end, word.confidence, word_is_final=place < settled)
            for place, (text, word) in enumerate(zip(texts, turn.words, strict=True))
        ],
    )


def _cased(word: str) -> str:
    return word.capitalize() if _CAPITALISED.fullmatch(word) else word
