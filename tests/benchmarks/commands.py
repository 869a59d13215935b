"""`./scripts/benchmark commands`: the recognition of spoken commands among other talk.

Two hundred phrases, half of them commands, are looked at as a perfect service would write them,
with and without punctuation, and as the local service with pocketsphinx hears two of flite's
voices, without and with the commands as its `keyterms_prompt`. A command is missed when it was said
and not done, and wrong when it was done and not said. Last comes how long the whole appliance takes
from a finished turn to the pin.
"""

import asyncio
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlencode

import msgspec

from appliance.servers.local_service.server import LocalService
from appliance.settings import Settings
from appliance.settings.spoken_words import spoken_words
from appliance.voice_commands.keyterms import favouring_words
from appliance.voice_commands.matcher import PhraseMatcher
from tests.benchmarks import markdown
from tests.benchmarks.command_delay import delays
from tests.benchmarks.commands_phrases import Box, Case, boxes
from tests.benchmarks.commands_speech import VOICES, heard, spoken
from tests.benchmarks.local_stream import stream

AT_ONCE = 3
"""Streams."""

STREAMS = 5
"""Streams that the phrases of a box are dealt out to: about a minute each."""

COMMANDS = 200
"""Commands whose way to the pin is measured."""

Outcome = list[tuple[Case, list[str]]]
"""What was said, and the names of the commands that were done."""


def main() -> None:
    """Measure; exit with 1 if a command is wrong or missed though the service heard perfectly."""
    rows = [
        _row("as they are written", as_written()),
        _row("without case and punctuation", as_plain_words()),
    ]
    perfect = all(row[1:] == ("0", "0") for row in rows)
    with LocalService() as service:
        for keyterms in (False, True):
            for voice in VOICES:
                label = f"spoken by {voice}, {'with' if keyterms else 'no'} keyterms"
                _say(label)
                outcome = asyncio.run(_as_heard(service.url, voice, keyterms=keyterms))
                rows.append(_row(label, outcome))
    headings = ("200 phrases, 100 of them commands", "missed", "wrong")
    sys.stdout.write(markdown.table(headings, rows) + "\n")
    took = sorted(delays(COMMANDS))
    median, most = statistics.median(took), took[COMMANDS * 99 // 100]
    sys.stdout.write(
        f"From `on_message` to the pin, {COMMANDS} commands: median {median:.1f} ms,"
        f" 99 % within {most:.1f} ms.\n"
    )
    sys.exit(not perfect)


def as_written() -> Outcome:
    """Return what is done about the phrases as they are written."""
    return [(case, _done(box, [case.said])) for box in boxes() for case in box.cases]


def as_plain_words() -> Outcome:
    """Return what is done about the words of the phrases alone."""
    return [
        (case, _done(box, [" ".join(spoken_words(case.said))]))
        for box in boxes()
        for case in box.cases
    ]


def missed(outcome: Outcome) -> int:
    """Return how many commands were said and not done."""
    return sum((_said(case) - Counter(done)).total() for case, done in outcome)


def wrong(outcome: Outcome) -> int:
    """Return how many commands were done and not said."""
    return sum((Counter(done) - _said(case)).total() for case, done in outcome)


async def _as_heard(url: str, voice: str, *, keyterms: bool) -> Outcome:
    """Return what is done about the phrases as the service hears them from a voice."""
    free = asyncio.Semaphore(AT_ONCE)

    async def hear(box: Box, cases: Sequence[Case]) -> Outcome:
        async with free:
            speech = await asyncio.to_thread(spoken, [case.said for case in cases], voice)
            address = f"{url}?{_query(box.settings, keyterms=keyterms)}"
            answers = await stream(address, speech.pcm, real_time=False)
        outcome: Outcome = []
        for case, turns in zip(cases, heard(answers, speech.starts), strict=True):
            outcome.append((case, _done(box, turns)))
            _report_miss(*outcome[-1], turns)
        return outcome

    dealt = [(box, box.cases[number::STREAMS]) for box in boxes() for number in range(STREAMS)]
    outcomes = await asyncio.gather(*(hear(box, cases) for box, cases in dealt))
    return [one for outcome in outcomes for one in outcome]


def _query(settings: Settings, *, keyterms: bool) -> str:
    service = (favouring_words(settings) if keyterms else settings).service
    terms = service.parameters.get("keyterms_prompt", [])
    parameters = {**service.parameters, "keyterms_prompt": msgspec.json.encode(terms).decode()}
    return urlencode(parameters)


def _done(box: Box, turns: Sequence[str]) -> list[str]:
    book = PhraseMatcher(box.settings.commands, box.settings.commands_prefix)
    return [said.command.name for turn in turns for said in book.commands_in(turn)]


def _said(case: Case) -> Counter[str]:
    return Counter([case.command] if case.command else [])


def _row(label: str, outcome: Outcome) -> tuple[str, str, str]:
    return label, str(missed(outcome)), str(wrong(outcome))


def _report_miss(case: Case, done: list[str], turns: list[str]) -> None:
    if Counter(done) != _said(case):
        verdict = "wrong" if wrong([(case, done)]) else "missed"
        _say(f"  {verdict}: {case.said!r} was heard as {' / '.join(turns)!r}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress is for the one who waits


if __name__ == "__main__":
    main()
