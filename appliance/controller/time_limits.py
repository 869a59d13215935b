"""Time limits of the live session: silence, a dark screen, a service that does not answer."""

import logging

from appliance.controller.exit_reason import ExitReason
from appliance.controller.live_session import LiveSession
from appliance.controller.privacy import PrivacyGuard
from appliance.controller.states import MICROPHONE_OPEN, Input, State
from appliance.settings.schema import SessionSettings

log = logging.getLogger(__name__)

NO_WORDS_TIMEOUT = 2.0
"""Seconds to wait for words before the end when nobody can expect any: the press that began the
session is held to power off, or no service that was sent audio has said that it listens."""

END_TIMEOUT = 15.0
"""Seconds of finishing at the end of the program, whatever a service still says: systemd kills the
program after 30."""


class TimeLimits:
    """Limits on silence, on a session that nothing shows, and on waiting for the last words.

    Args:
        settings: `auto_stop` and `finish_timeout`.
        privacy: whether anything shows the session.
        exit_reason: whether the program is about to end.
    """

    def __init__(
        self, settings: SessionSettings, privacy: PrivacyGuard, exit_reason: ExitReason
    ) -> None:
        self._settings = settings
        self._privacy = privacy
        self._exit = exit_reason

    def due(self, state: State, live: LiveSession, now: float) -> Input | None:
        """Return the input that is due at this moment of the monotonic clock, if any."""
        if state is State.FINISHING:
            timed_out = live.unresponsive_for(now) > self._finish_timeout(live)
            must_end = self._exit.final and live.finishing_for(now) > END_TIMEOUT
            return Input.FINISH_TIMEOUT if timed_out or must_end else None
        if state not in MICROPHONE_OPEN:
            return None
        if 0 < self._settings.auto_stop < live.silence(now):
            log.info("silent for %.0f s: the session stops", live.silence(now))
            return Input.STOP
        if self._privacy.dark_too_long:
            log.warning("nothing shows that the microphone is open: the session stops")
            return Input.STOP
        return None

    def _finish_timeout(self, live: LiveSession) -> float:
        nobody_listens = live.progress.sent == 0 or not live.connected
        ends_soon = self._exit.powers_off or (self._exit.final and nobody_listens)
        if ends_soon and not live.transcript.words:
            return min(self._settings.finish_timeout, NO_WORDS_TIMEOUT)
        return self._settings.finish_timeout
