"""Words that call the reader: how they are heard, and that a turn calls once."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.command_events import AlertHeard
from appliance.core.events import Event, TurnReceived
from appliance.core.turns import Covered, Turn
from appliance.voice_commands.alerts import AlertWatch, AlertWords
from tests.rig.clock import Clock

WORDS = AlertWords(["Anna", "Mrs. Smith", "Wi-Fi", "café", "安娜", "McDonald's", "İpek"])


def found(text: str, words: AlertWords = WORDS) -> list[str]:
    return [text[place.start : place.end] for place in words.places_in(text)]


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("anna", ["anna"]),
        ("Is that ANNA's bag?", ["ANNA's"]),
        ("Anna’s here, Anna.", ["Anna’s", "Anna"]),  # noqa: RUF001 - as people write it
        ("“Anna!” he called", ["“Anna!”"]),
        ("mrs smith and Mrs. Smith", ["mrs smith", "Mrs. Smith"]),
        ("the wifi, the Wi-Fi", ["wifi", "Wi-Fi"]),
        ("CAFÉ", ["CAFÉ"]),
        ("请安娜来", ["安娜"]),
        ("at McDonald's", ["McDonald's"]),
        ("İPEK ipek", ["İPEK", "ipek"]),
    ],
)
def test_a_word_is_heard_however_it_is_written(text: str, heard: list[str]) -> None:
    stripped = [it.strip("“!”") for it in heard]
    assert [it.strip("“!”") for it in found(text)] == stripped


@pytest.mark.parametrize(
    "text", ["", "Hannah", "annals", "Susanna", "Mrs. Jones, Smith", "an a", "Joanna's", "wi", "安"]
)
def test_what_only_looks_like_a_word_calls_nobody(text: str) -> None:
    assert found(text) == []


@given(
    before=st.lists(st.sampled_from(["well", "21", "it's", "co-op,", "Hannah"]), max_size=5),
    name=st.sampled_from(["Anna", "ANNA,", "anna's", "Anna?"]),
    after=st.lists(st.sampled_from(["yes", "$5", "7:05", "annals."]), max_size=5),
)
def test_a_word_is_heard_in_the_middle_of_any_others(
    before: list[str], name: str, after: list[str]
) -> None:
    [heard] = found(" ".join([*before, name, *after]))
    assert heard.startswith(name[:4])


def test_without_words_nothing_is_looked_for() -> None:
    assert found("Anna", AlertWords([])) == []


class Watched:
    """A watch for the word Anna, and a session that began a minute ago."""

    def __init__(self) -> None:
        self.clock = Clock(100.0)
        began = {"s1": 40.0}
        self.watch = AlertWatch(AlertWords(["Anna"]), began.get, self.clock)

    def hear(
        self,
        text: str,
        tentative: str = "",
        *,
        order: int = 0,
        origin: int = 0,
        started: float = 58.0,
        session: str = "s1",
        finished: bool = False,
    ) -> list[Event]:
        turn = Turn(order, text, finished, tentative)
        return self.watch.handle(
            TurnReceived(session, origin, turn, started, started + 2, Covered())
        )


def test_a_word_calls_while_it_is_still_being_spoken() -> None:
    watched = Watched()
    assert watched.hear("Could", "you") == []
    assert watched.hear("Could you", "Anna") == [AlertHeard("s1", "Anna", "Could you Anna", 58.0)]


def test_a_turn_calls_once() -> None:
    watched = Watched()
    assert len(watched.hear("", "anna")) == 1
    assert watched.hear("anna", "please") == []
    assert watched.hear("Anna, please. Anna!", finished=True) == []
    assert watched.hear("Anna?", order=1, started=61.0) != []


def test_a_turn_that_is_heard_again_over_a_new_connection_does_not_call_again() -> None:
    watched = Watched()
    assert len(watched.hear("Anna", order=4, origin=0)) == 1
    assert watched.hear("Anna", order=0, origin=16_000, started=58.1) == []
    assert len(watched.hear("Anna", order=1, origin=16_000, started=63.0)) == 1


@pytest.mark.parametrize(("session", "started"), [("s1", 10.0), ("of an earlier boot", 58.0)])
def test_what_was_said_long_ago_calls_nobody(session: str, started: float) -> None:
    watched = Watched()
    assert watched.hear("Anna", session=session, started=started) == []


@given(st.permutations(range(6)))
def test_turns_in_any_order_call_no_more_than_once_each(order: list[int]) -> None:
    watched = Watched()
    heard = [
        watched.hear("Anna", order=number, started=50 + number)
        for number, _ in itertools.product(order, range(2))
    ]
    assert 1 <= sum(map(len, heard)) <= len(order)
