"""Engines that need no speech model."""

from collections.abc import Sequence

from appliance.servers.local_service.engines.base import HeardWord, Recognizer


class DeafEngine:
    """An `Engine`, and the only `Recognizer` that it has, which hears no words."""

    lag = 0

    def warm_up(self) -> None:
        pass

    def acquire(self) -> Recognizer:
        return self

    def release(self, recognizer: Recognizer) -> None:
        assert recognizer is self

    def hear(self, _pcm: bytes) -> Sequence[HeardWord]:
        return []

    def finish(self) -> Sequence[HeardWord]:
        return []

    def favour(self, terms: Sequence[str]) -> None:
        pass

    def close(self) -> None:
        pass
