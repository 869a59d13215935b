"""Notice that the service applies other parameters than were asked for: logged and shown once."""

import logging

from appliance.core.events import Event, ParametersUnapplied
from appliance.core.unapplied import Unapplied
from appliance.screen import texts

log = logging.getLogger(__name__)

NOTICE_TIME = 60.0
"""Seconds for which the notice is shown between two sessions."""


class ServiceNotice:
    """What the service does not apply, until somebody could read it.

    >>> notice = ServiceNotice()
    >>> notice.handle(ParametersUnapplied("s1", (Unapplied("mode", "min_latency", ""),)))
    >>> notice.text(now=5.0)
    'The service ignores a setting: see the doctor'
    >>> notice.text(now=70.0)
    ''
    """

    def __init__(self) -> None:
        self._known: tuple[Unapplied, ...] = ()
        self._text = ""
        self._until: float | None = None

    def handle(self, event: Event) -> None:
        """Note and log what a service says for the first time."""
        if not isinstance(event, ParametersUnapplied) or event.unapplied == self._known:
            return
        self._known = event.unapplied
        log.warning(
            "the service applies other parameters than were asked for: %s",
            ", ".join(map(str, event.unapplied)),
        )
        has_other_model = any(it.is_model for it in event.unapplied)
        self._text = texts.OTHER_MODEL if has_other_model else texts.IGNORED_SETTING
        self._until = None

    def text(self, now: float) -> str:
        """Return the notice for a screen between sessions; empty once it was shown."""
        if self._text and self._until is None:
            self._until = now + NOTICE_TIME
        return self._text if self._until is not None and now < self._until else ""
