import pytest

from tests.rig.comparison import compare

SAID = ["w0", "w1", "w2", "w3"]


@pytest.mark.parametrize(
    ("heard", "lost", "doubled"),
    [
        ("W0 w1. W2 w3.", 0, 0),
        ("W0 w1. W3.", 1, 0),
        ("", 4, 0),
        ("W0 w1. W1 w2 w3.", 0, 1),
        ("w0 w1 w0 w1 w2 w3", 0, 2),
        ("w2 w3 w0 w1", 2, 0),
        ("w0 w2 w1 w3", 1, 0),
        ("w0 um w1w2 w3", 2, 0),
    ],
)
def test_words_are_counted(heard: str, lost: int, doubled: int) -> None:
    assert compare(SAID, heard) == (lost, doubled)


def test_words_that_are_alike_cannot_be_counted() -> None:
    with pytest.raises(AssertionError, match="different"):
        compare(["a", "A"], "a")
