"""Recognizers of the scripted service that label speakers, as `speaker_labels` asks."""

import re
from collections.abc import Callable

from tests.rig.recognizer import Message, NewRecognizer, Recognizer

PENDING = "PENDING"


class LabellingRecognizer:
    """Recognizer that labels who speaks: "A", "B" in the order in which it hears them first.

    The first message of a finished turn has the label `PENDING`, the formatted one the speaker's.

    Args:
        recognizer: hears the words.
        person_of: returns who says a word.
    """

    def __init__(self, recognizer: Recognizer, person_of: Callable[[str], object]) -> None:
        self._recognizer = recognizer
        self._person_of = person_of
        self._labels: dict[object, str] = {}

    def hear(self, audio: bytes) -> list[Message]:
        """Return the messages for the next piece of audio."""
        return [self._labelled(it) for it in self._recognizer.hear(audio)]

    def finish_turn(self) -> list[Message]:
        """Return the messages for ending the current turn now."""
        return [self._labelled(it) for it in self._recognizer.finish_turn()]

    def _labelled(self, turn: Message) -> Message:
        words = re.findall(r"\w+", turn["transcript"].lower())
        if not (turn["end_of_turn"] and words):
            return turn
        label = self._labels.setdefault(
            self._person_of(words[0]), chr(ord("A") + len(self._labels))
        )
        return turn | {"speaker_label": label if turn["turn_is_formatted"] else PENDING}


def labelled(new_recognizer: NewRecognizer, person_of: Callable[[str], object]) -> NewRecognizer:
    """Return recognizers that label who speaks; each connection has labels of its own."""
    return lambda: LabellingRecognizer(new_recognizer(), person_of)
