"""Split of a turn that is still being spoken into settled and tentative words."""

import itertools

from appliance.core.turns import Word
from appliance.settings.spoken_words import spoken_words


def parted(transcript: str, words: tuple[Word, ...]) -> tuple[str, str]:
    """Return the settled and the tentative text of an unfinished turn, each word once.

    The word-by-word models leave the words that are not final out of the transcript. The others
    write them into it: there no word of a partial is final, and all of it is tentative.
    """
    spoken = [word.text for word in _words_beyond(transcript, words) if not word.final]
    if any(word.final for word in words):
        return transcript, " ".join(spoken)
    return "", " ".join([transcript, *spoken] if transcript else spoken)


def _words_beyond(transcript: str, words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Return the words that the transcript does not hold, however either is spelt."""
    held = _letters(transcript)
    if not held:
        return words
    sounds = [_letters(word.text) for word in words]
    ends = list(itertools.accumulate(map(len, sounds)))
    told = "".join(sounds)
    if told.startswith(held) and len(held) in ends:
        return words[len(ends) - ends[::-1].index(len(held)) :]
    settled = "".join(sound for sound, word in zip(sounds, words, strict=True) if word.final)
    if held == settled:
        return words
    # Spelt in two ways that no rule knows to be one: what it ends with says the rest.
    tail = told[len(settled) :]
    return () if not settled or (tail and held.endswith(tail)) else words


def _letters(text: str) -> str:
    """Return what is spoken, without spaces: some languages have none between words."""
    return "".join(spoken_words(text))
