"""Pool of recognizers that are slow to load."""

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Full, Queue

from appliance.servers.local_service.engines.base import Recognizer, RecognizerError


class RecognizerPool:
    """Lends recognizers, and keeps one that came back.

    To load a model takes half a second on a PC and several on a small board, so a session that
    follows another finds its recognizer ready. Further ones last as long as their session.
    """

    def __init__(self, make: Callable[[], Recognizer]) -> None:
        self._make = make
        self._idle: Queue[Recognizer] = Queue(maxsize=1)

    def warm_up(self) -> None:
        """Load a recognizer for the first session.

        Raises:
            RecognizerError: there is none to be had.
        """
        self._keep(self._make())

    def lend(self) -> Recognizer:
        """Return a recognizer for one session's own use.

        Raises:
            RecognizerError: there is none to be had.
        """
        try:
            return self._idle.get_nowait()
        except Empty:
            return self._make()

    def take_back(self, recognizer: Recognizer) -> None:
        """Take a recognizer that was lent; what it heard and was to favour is forgotten."""
        try:
            recognizer.finish()
            recognizer.favour(())
        except RecognizerError:
            recognizer.close()
        else:
            self._keep(recognizer)

    def close(self) -> None:
        """Close the one that is kept."""
        with suppress(Empty):
            self._idle.get_nowait().close()

    def _keep(self, recognizer: Recognizer) -> None:
        try:
            self._idle.put_nowait(recognizer)
        except Full:
            recognizer.close()
