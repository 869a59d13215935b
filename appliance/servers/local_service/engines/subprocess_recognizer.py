"""A recognizer in a process of its own, for engines that keep Python waiting while they work.

Pocketsphinx holds Python's lock: in a thread, the end of one person's turn would be a pause in what
everybody else is told, and all streams together would have one processor core.
"""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from appliance.servers.local_service.engines.base import HeardWord, Recognizer, RecognizerError


class RecognizerProcess:
    """A `Recognizer` that another one, made by `make` in a new process, does the work of.

    `make` is sent there, so it is a class or a function of a module. The process ends with `close`,
    or when this one ends, in whatever way.

    Raises:
        RecognizerError: the process ended before it had a recognizer.
    """

    lag = 0
    """The other one must keep up with what it is given."""

    def __init__(self, make: Callable[[], Recognizer]) -> None:
        # a fork would carry over the locks of this process's threads, in whatever state they are
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, make), name="recognizer", daemon=True
        )
        self._process.start()
        theirs.close()
        self._answer()

    def hear(self, pcm: bytes) -> Sequence[HeardWord]:
        """Return what the utterance seems to say so far."""
        return self._ask("hear", pcm)

    def finish(self) -> Sequence[HeardWord]:
        """End the utterance and return what it said."""
        return self._ask("finish")

    def favour(self, terms: Sequence[str]) -> None:
        """Favour these words and phrases, and no earlier ones."""
        self._ask("favour", terms)

    def close(self) -> None:
        """End the process, which has nothing to tidy up."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _ask(self, method: str, *arguments: object) -> Sequence[HeardWord]:
        with suppress(BrokenPipeError):  # then there is no answer either, which tells more
            self._pipe.send((method, arguments))
        return self._answer()

    def _answer(self) -> Sequence[HeardWord]:
        try:
            answer: Sequence[HeardWord] = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            raise RecognizerError(
                f"The recognizer's process ended with status {self._process.exitcode}. "
                "Is there enough memory? The log may say more"
            ) from None
        return answer


def _serve(pipe: "Connection[Any, Any]", make: Callable[[], Recognizer]) -> None:
    # Ctrl+C reaches every process at the terminal; this one ends when its pipe does
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    recognizer = make()
    with suppress(EOFError, BrokenPipeError):
        pipe.send(())
        while True:
            method, arguments = pipe.recv()
            pipe.send(getattr(recognizer, method)(*arguments))
