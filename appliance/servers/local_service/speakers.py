"""Speakers of a session's turns: the label of each turn, and its revisions."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import UNSET
from msgspec.structs import replace

from appliance.servers.local_service.engines.base import SpeakerRecognizer
from appliance.servers.local_service.protocol import RevisedTurn, SpeakerRevision, Turn

NOBODY_KNOWS = "PENDING"
"""The label of a turn as long as the engine knows no speaker of it."""


def speaker_of(speakers: Sequence[str]) -> str:
    """Return the label of a turn, given the speaker of each word: whoever said most of it.

    >>> speaker_of(["A", "", "B", "B"]), speaker_of([""])
    ('B', 'PENDING')
    """
    known = Counter(filter(None, speakers))
    return known.most_common(1)[0][0] if known else NOBODY_KNOWS


class LabelledTurns:
    """The finished turns of one session as they were sent last, to be revised.

    Their number is bounded by the length of a session, three hours.

    Args:
        recognizer: knows the speakers.
        interval: ms of audio between two revisions; None for a single one at the end.
    """

    def __init__(self, recognizer: SpeakerRecognizer, interval: int | None) -> None:
        self._recognizer = recognizer
        self._interval = interval
        self._revised_at = 0
        self._turns: dict[int, Turn] = {}

    def keep(self, utterance: int, turn: Turn) -> None:
        """Keep the message about an utterance of the recognizer."""
        self._turns[utterance] = turn

    def is_due(self, position: int) -> bool:
        """Return whether it is time for a revision, so many ms into the stream."""
        return self._interval is not None and position - self._revised_at >= self._interval

    def revision(self, position: int) -> SpeakerRevision | None:
        """Return the turns whose speakers have changed since the last call; None if none have.

        Raises:
            RecognizerError: the engine failed.
        """
        self._revised_at = position
        revisions = list(self._revisions(self._recognizer.revised_speakers()))
        return SpeakerRevision(revisions) if revisions else None

    def _revisions(self, speakers: Mapping[int, Sequence[str]]) -> Iterator[RevisedTurn]:
        for utterance, of_words in sorted(speakers.items()):
            turn = self._turns.get(utterance)
            if turn is None or len(turn.words) != len(of_words):
                continue
            words = [
                replace(word, speaker=speaker or UNSET)
                for word, speaker in zip(turn.words, of_words, strict=True)
            ]
            if words != turn.words:
                label = speaker_of(of_words)
                self._turns[utterance] = replace(turn, words=words, speaker_label=label)
                yield RevisedTurn(turn.turn_order, label, words)
