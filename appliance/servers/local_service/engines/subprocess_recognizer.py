"""Recognizer in a process of its own, for engines that hold Python's lock while they work.

Pocketsphinx does. In a thread, its work at the end of one person's turn would pause everybody's
messages, and all streams together would have one processor core.
"""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from appliance.servers.local_service.engines.base import HeardWord, Recognizer, RecognizerError


class SubprocessRecognizer:
    """A `Recognizer` that passes each call to another one, made by `make` in a new process.

    `make` must be picklable: a class, or a function of a module. The process ends with `close`, or
    when this process ends for whatever reason.

    Raises:
        RecognizerError: the process ended before its recognizer was ready.
    """

    lag = 0
    """The other recognizer must keep up with its audio."""

    def __init__(self, make: Callable[[], Recognizer]) -> None:
        # A fork would copy locks that other threads of this process hold.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, make), name="recognizer", daemon=True
        )
        self._process.start()
        theirs.close()
        self._result()

    def hear(self, pcm: bytes) -> Sequence[HeardWord]:
        """Add audio to the utterance; return its words so far."""
        return self._call("hear", pcm)

    def finish(self) -> Sequence[HeardWord]:
        """End the utterance; return its words."""
        return self._call("finish")

    def favour(self, terms: Sequence[str]) -> None:
        """Favour these words and phrases instead of earlier ones."""
        self._call("favour", terms)

    def close(self) -> None:
        """Kill the process, which has nothing to clean up."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _call(self, method: str, *arguments: object) -> Sequence[HeardWord]:
        with suppress(BrokenPipeError):  # receiving fails too, and reports the reason
            self._pipe.send((method, arguments))
        return self._result()

    def _result(self) -> Sequence[HeardWord]:
        try:
            result: Sequence[HeardWord] = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            raise RecognizerError(
                f"The recognizer's process ended with status {self._process.exitcode}. "
                "Is there enough memory? The log may say more"
            ) from None
        return result


def _serve(pipe: "Connection[Any, Any]", make: Callable[[], Recognizer]) -> None:
    # A terminal or systemd sends these to every process; this one ends when its pipe is closed.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    recognizer = make()
    with suppress(EOFError, BrokenPipeError):
        pipe.send(())
        while True:
            method, arguments = pipe.recv()
            pipe.send(getattr(recognizer, method)(*arguments))
