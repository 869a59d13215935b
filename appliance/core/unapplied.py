"""Parameter of the service that it did not apply as asked."""

import msgspec

MODEL = "speech_model"
"""The parameter that matters most: it decides who is understood, and what that costs."""


class Unapplied(msgspec.Struct, frozen=True):
    """A parameter by its `name`, what was `asked` for, and what is `applied`: empty for nothing.

    >>> str(Unapplied("mode", "min_latency", "balanced"))
    'mode is "balanced", not "min_latency"'
    """

    name: str
    asked: str
    applied: str

    @property
    def is_model(self) -> bool:
        """Whether another model is used."""
        return self.name == MODEL and bool(self.applied)

    def __str__(self) -> str:
        """Return it as a clause for the log and the doctor."""
        if not self.applied:
            return f"{self.name} is not applied"
        return f'{self.name} is "{self.applied}", not "{self.asked}"'
