"""Word error rate of a transcript."""

from appliance.settings.spoken_words import spoken_words


def word_error_rate(said: str, heard: str) -> float:
    """Return the word error rate: deleted, inserted and replaced words over words said.

    0.0 is perfect; more than 1.0 is possible. Case and punctuation don't count, and numbers below a
    million may be written in figures.

    >>> word_error_rate("Turn on the lamp.", "turn of the lamp")
    0.25
    """
    expected, actual = spoken_words(said), spoken_words(heard)
    if not expected:
        return float(len(actual))
    return _edits(expected, actual) / len(expected)


def _edits(expected: list[str], actual: list[str]) -> int:
    """Return the Levenshtein distance: the fewest words to delete, insert or replace."""
    row = list(range(len(actual) + 1))
    for deleted, said in enumerate(expected, start=1):
        diagonal, row[0] = row[0], deleted
        for column, heard in enumerate(actual, start=1):
            replaced = diagonal + (said != heard)
            diagonal = row[column]
            row[column] = min(replaced, row[column] + 1, row[column - 1] + 1)
    return row[-1]
