"""`./scripts/benchmark local`: accuracy, delay and capacity of the local service.

The service runs with pocketsphinx, in processes of its own, on the same machine as the clients that
stream the sample speech to it in real time. Between two sentences lies a silence long enough for a
turn to end by `max_turn_silence` alone. A machine carries so many streams as long as, in each, 95 %
of the partials come within 300 ms of each other, and of the ends within 300 ms of that silence.
"""

import asyncio
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from appliance.app.word_error_rate import word_error_rate
from tests.benchmarks import markdown
from tests.benchmarks.consumption import cpu_seconds, peak_memory
from tests.benchmarks.local_figures import end_delays, first_word_delay, gaps, share, transcript
from tests.benchmarks.local_speech import Speech, sample
from tests.benchmarks.local_stream import Answer, stream

SILENCE = 1280
"""`max_turn_silence`, in ms."""

MAX_STREAMS = 32
"""Streams at once; more are not tried."""

LIVE = 300
"""Milliseconds that may lie between two partials, and by which the end of a turn may be late."""


class Service(NamedTuple):
    """Running service: its address, and the number of its process."""

    url: str
    pid: int

    def cpu(self) -> float:
        """Return the CPU seconds that it has used, and its recognizers that still run."""
        return sum(cpu_seconds(pid) for pid in (self.pid, *_children(self.pid)))

    def memory(self) -> tuple[float, float]:
        """Return the peak resident set in MB: of the service, and of its largest recognizer."""
        return peak_memory(self.pid), max(peak_memory(pid) for pid in _children(self.pid))


def main() -> None:
    """Measure; exit with 1 if a goal is missed."""
    speech = sample(SILENCE + 700)
    with _running() as service:
        _say("one stream, as fast as it goes")
        rows, met = _alone(service, speech)
        _say("two streams, one of them with turns that never end")
        more, also_met = _beside_another(service, speech)
        _say("more and more streams")
        carried = _carried(service, speech)
    rows += [*more, ("streams that are live at once", carried, "")]
    sys.stdout.write(markdown.table(("", "measured", "goal"), rows) + "\n")
    sys.exit(not (met and also_met))


Row = tuple[str, str, str]


def _alone(service: Service, speech: Speech) -> tuple[list[Row], bool]:
    begun = time.monotonic()
    fast = asyncio.run(stream(_url(service), speech.pcm, real_time=False))
    factor = (time.monotonic() - begun) / speech.seconds
    _say("one stream, in real time")
    cpu = service.cpu()
    answers = asyncio.run(stream(_url(service), speech.pcm))
    cores = (service.cpu() - cpu) / speech.seconds
    errors = max(word_error_rate(speech.said, transcript(heard)) for heard in (fast, answers))
    ends = max(end_delays(answers, speech.silences)) - SILENCE
    widest = max(gaps(answers))
    own, recognizer = service.memory()
    rows = [
        ("word error rate on the sample", f"{errors:.3f}", ""),
        ("real-time factor", f"{factor:.2f}", ""),
        ("processor cores a stream", f"{cores:.2f}", "< 0.5"),
        ("memory of the service, and a stream, MB", f"{own:.0f}, {recognizer:.0f}", ""),
        ("first word, after its first sound, ms", _first(answers, speech), ""),
        ("between partials, at most, ms", f"{widest:.0f}", f"<= {LIVE}"),
        ("end of turn, after max_turn_silence, at most, ms", f"{ends:.0f}", f"<= {LIVE}"),
    ]
    return rows, cores < 0.5 and widest <= LIVE and ends <= LIVE


def _beside_another(service: Service, speech: Speech) -> tuple[list[Row], bool]:
    endless = _url(service, min_turn_silence=60_000, max_turn_silence=60_000)

    async def both() -> list[list[Answer]]:
        streams = [stream(_url(service), speech.pcm, delay=1), stream(endless, speech.pcm)]
        return await asyncio.gather(*streams)

    answers, _ = asyncio.run(both())
    widest = max(gaps(answers))
    row = ("between partials, beside a second stream, ms", f"{widest:.0f}", f"<= {LIVE}")
    return [row], widest <= LIVE


def _carried(service: Service, speech: Speech) -> str:
    """Return how many streams were live, and at how many not all were any more."""
    live, streams = 1, 4
    while streams <= MAX_STREAMS:
        latest = max(
            _latest(answers, speech) for answers in asyncio.run(_crowd(service, speech, streams))
        )
        _say(f"  {streams} streams: partials and ends within {latest:.0f} ms")
        if latest > LIVE:
            return f"{live}, not {streams}, on {os.cpu_count()} cores"
        live, streams = streams, streams + max(4, streams // 4)
    return f"{live} or more, on {os.cpu_count()} cores"


def _latest(answers: list[Answer], speech: Speech) -> float:
    """Return what 95 % of a stream's partials and ends of turns don't exceed, in ms."""
    between = gaps(answers)
    if not between:  # not a word came before the last one of its turn was spoken
        return math.inf
    return max(share(between, 95), share(end_delays(answers, speech.silences), 95) - SILENCE)


async def _crowd(service: Service, speech: Speech, streams: int) -> list[list[Answer]]:
    """Let so many stream at once, each a little later than the one before."""
    each = (stream(_url(service), speech.pcm, delay=number * 0.37) for number in range(streams))
    return await asyncio.gather(*each)


def _first(answers: list[Answer], speech: Speech) -> str:
    return f"{first_word_delay(answers, speech.starts[0]):.0f}"


def _url(service: Service, **parameters: int) -> str:
    wanted = {
        "end_of_turn_confidence_threshold": 1,  # nothing but the longest silence ends a turn
        "max_turn_silence": SILENCE,
        **parameters,
    }
    query = "".join(f"&{name}={value}" for name, value in wanted.items())
    return f"{service.url}?speech_model=universal-streaming-english{query}"


@contextmanager
def _running() -> Iterator[Service]:
    program = (
        "import logging; from appliance.servers.local_service.server import serve; "
        "logging.basicConfig(level=logging.INFO, format='%(message)s'); "
        "serve(port=0, max_sessions=1000)"  # how many it carries is the question
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        if "ws://" not in line:
            raise SystemExit(line + process.stderr.read())
        try:
            yield Service(line.split()[-1], process.pid)
        finally:
            process.terminate()


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress is for the one who waits


if __name__ == "__main__":
    main()
