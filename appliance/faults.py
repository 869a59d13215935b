"""The faults there are at this moment, the most important first."""

from appliance.events import Fault

WEIGHT = ("settings", "microphone", "loss", "session", "button", "spool", "history")
"""Whose fault is shown when there are several: what keeps words from being heard comes first."""


class Faults:
    """At most one fault of each part."""

    def __init__(self) -> None:
        self._by_part: dict[str, Fault] = {}

    def tell(self, part: str, fault: Fault) -> None:
        """Note that a part has a fault, in place of an earlier one."""
        self._by_part[part] = fault

    def clear(self, *parts: str) -> None:
        """Note that parts are well."""
        for part in parts:
            self._by_part.pop(part, None)

    def __contains__(self, part: str) -> bool:
        return part in self._by_part

    @property
    def worst(self) -> Fault | None:
        """The fault to show, if any."""
        return next((self._by_part[part] for part in WEIGHT if part in self._by_part), None)
