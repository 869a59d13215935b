"""Sessions in which every word is numbered, and the count of those words."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.machine.pi import VirtualPi, until
from tests.rig.numbered import BLOCK_MS, Speech, speech
from tests.rig.service import ScriptedService

LOST_AT_A_CUT = 3
"""Words that a cut may cost: the one being said, and what the sound system holds of the next."""
LOST_IN_A_GAP = 2
"""Words that one gap of the sound system may cost: a slow machine takes audio too late at times."""


class Talk:
    """Numbered words that the history does not know yet, spoken into a microphone."""

    def __init__(self, pi: VirtualPi, words: int) -> None:
        self._pi = pi
        known = [int(word[1:]) for word in pi.heard() if re.fullmatch(r"w\d+", word)]
        first = max(known, default=-1) + 1
        self.speech: Speech = speech(words, first_word=first, first_block=first * 100)
        self._since = pi.time()
        self._first_block = first * 100
        self.service: ScriptedService

    def begin(self) -> None:
        """Press, and speak as soon as it listens."""
        self._pi.press()
        self._pi.wait_for_mode("listening")
        self._pi.hear(self.speech)

    def end(self) -> None:
        """Press, and wait until all that was said is kept."""
        self._pi.press()
        self._pi.wait_for_mode("saved", "ready")
        self.wait_until_transcribed()

    def wait_until_transcribed(self) -> None:
        """Wait until no audio waits for its words."""
        until(lambda: self._pi.status().get("waiting") == 0, "nothing waits to be transcribed", 120)

    def wait_for_words(self, count: int) -> None:
        """Wait until the service has heard so many words."""
        until(lambda: len(self._settled()) >= count, f"the service heard {count} words", 120)

    def gone(self) -> list[str]:
        """Return the words that have left the microphone whole."""
        until_now = self.speech.seconds - self._pi.microphone.seconds_left
        blocks = self._first_block + until_now * 1000 / BLOCK_MS
        return [word.text for word in self.speech.words if word.last < blocks]

    def heard(self) -> list[str]:
        """Return the words of it that the history has."""
        words = set(self.speech.said)
        return [word for word in self._pi.heard() if word in words]

    def account(self, excused: int = 0, said: list[str] | None = None) -> str:
        """Say how many words are in the history.

        Raises:
            AssertionError: some are doubled, out of order, or more are missing than may be.
        """
        expected = self.speech.said if said is None else said
        heard = [word for word in self.heard() if word in set(expected)]
        doubled = [word for word, times in Counter(heard).items() if times > 1]
        missing = [word for word in expected if word not in heard]
        gaps = self._gaps()
        assert not doubled, f"doubled: {' '.join(doubled)}"
        assert heard == sorted(heard, key=expected.index), f"out of order: {' '.join(heard)}"
        most = excused + gaps * LOST_IN_A_GAP
        assert len(missing) <= most, f"missing: {' '.join(missing)}, with {gaps} gaps in the sound"
        lost = f", without {' '.join(missing)}" if missing else ""
        slow = f" ({gaps} gaps in the slow machine's sound)" if gaps else ""
        return f"{len(heard)} of {len(expected)} words{lost}{slow}"

    def _settled(self) -> set[str]:
        return {
            word["text"]
            for record in list(self.service.connections)
            for turn in record.turns
            for word in turn["words"]
            if word["word_is_final"]
        }

    def _gaps(self) -> int:
        """Return how often the sound system dropped audio before the program could take it."""
        lines = "\n".join(self._pi.journal(f"-u appliance.service -o cat --since '{self._since}'"))
        return max(map(int, re.findall(r"dropped audio \((\d+) times", lines)), default=0)


@contextmanager
def talk(pi: VirtualPi, words: int) -> Iterator[Talk]:
    """Press, speak so many words, press again when all are said, and wait until they are kept."""
    with talk_without_end(pi, words) as spoken:
        yield spoken
        pi.wait_until_said()
        spoken.end()
        assert spoken.service.violations == [], spoken.service.violations


@contextmanager
def talk_without_end(pi: VirtualPi, words: int) -> Iterator[Talk]:
    """Press and speak; the rest is up to the block."""
    spoken = Talk(pi, words)
    with pi.workspace.cloud.hearing(spoken.speech) as spoken.service:
        spoken.begin()
        yield spoken
