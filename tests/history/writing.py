"""A history that writes to a database, for tests that read it and what it posts."""

import queue
from pathlib import Path

from appliance.core.events import Committed, Event, TurnReceived
from appliance.core.recording import Recording
from appliance.core.turns import Covered, Turn
from appliance.history import reader
from appliance.history.records import SessionRecord
from appliance.history.writer import HistoryWriter
from appliance.settings.schema import HistorySettings
from tests.rig.clock import Clock

NOW = 1_700_000_000.0


class Writing:
    """A history that writes to a database, and what it posts."""

    def __init__(
        self,
        path: Path,
        keep_days: int = 0,
        purge_interval: float = 3600.0,
        *,
        outgoing: bool = False,
        retry_interval: float = 0.01,
        boot: str = "boot",
        now: float = NOW,
        is_set: bool = True,
    ) -> None:
        self.path = path
        self.clock = Clock(5000.0)
        self.wall_clock = Clock(now)
        self.is_set = is_set
        self.posted: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.history = HistoryWriter(
            HistorySettings(path=str(path), keep_days=keep_days),
            self.posted.put,
            outgoing=outgoing,
            wall_clock=self.wall_clock,
            clock=self.clock,
            is_set=lambda: self.is_set,
            boot=boot,
            retry_interval=retry_interval,
            purge_interval=purge_interval,
        )
        self.history.start()

    def begin(self, session: str, *, started: float | None = None, boot: str = "boot") -> None:
        now = self.wall_clock.now if started is None else started
        self.history.begin(Recording(session, now, self.clock.now, boot))

    def keep(
        self,
        session: str,
        text: str,
        order: int = 0,
        *,
        origin: int = 0,
        covered: int = 0,
        known: Covered | None = None,
        formatted: bool = False,
        speaker: str = "",
    ) -> None:
        """Keep a turn which covers itself and that position; or what is `known` to be covered."""
        turn = Turn(order, text, finished=True, formatted=formatted, speaker=speaker)
        started = origin / 16_000 + order
        self.history.save_turn(
            TurnReceived(
                session,
                origin,
                turn,
                started=started,
                ended=started + 0.5,
                covered=known or Covered(covered, origin, order + 1),
            )
        )

    def next(self) -> Event:
        return self.posted.get(timeout=20)

    def written(self) -> None:
        """Wait until all that was asked for is on disk."""
        self.history.cover("-", Covered())
        while self.next() != Committed("-", Covered()):
            pass

    def kept(self) -> list[SessionRecord]:
        return list(reader.sessions(self.path))

    def texts(self) -> dict[str, list[str]]:
        self.written()
        return {kept.id: [turn.text for turn in kept.turns] for kept in self.kept()}
