"""Pool of recognizers that are slow to load."""

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Full, Queue

from appliance.servers.local_service.engines.base import (
    Recognizer,
    RecognizerError,
    SpeakerRecognizer,
)


class RecognizerPool:
    """An `Engine` that keeps one idle recognizer loaded, made by `make`.

    Loading a model takes half a second on a PC and several on a small board, so a session that
    follows another gets its recognizer. Concurrent sessions have further ones, which are closed
    with them.
    """

    def __init__(self, make: Callable[[], Recognizer]) -> None:
        self._make = make
        self._idle: Queue[Recognizer] = Queue(maxsize=1)

    def warm_up(self) -> None:
        """Load a recognizer for the first session.

        Raises:
            RecognizerError: it can't be loaded.
        """
        self._keep(self._make())

    def acquire(self) -> Recognizer:
        """Return the idle recognizer, or a new one.

        Raises:
            RecognizerError: it can't be loaded.
        """
        try:
            return self._idle.get_nowait()
        except Empty:
            return self._make()

    def release(self, recognizer: Recognizer) -> None:
        """End the recognizer's utterance, reset its terms, and keep it if none is idle.

        One that knows speakers is closed: the next session must not inherit them.
        """
        if isinstance(recognizer, SpeakerRecognizer):
            recognizer.close()
            return
        try:
            recognizer.finish()
            recognizer.favour(())
        except RecognizerError:
            recognizer.close()
        else:
            self._keep(recognizer)

    def close(self) -> None:
        """Close the idle recognizer."""
        with suppress(Empty):
            self._idle.get_nowait().close()

    def _keep(self, recognizer: Recognizer) -> None:
        try:
            self._idle.put_nowait(recognizer)
        except Full:
            recognizer.close()
