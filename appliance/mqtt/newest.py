"""A topic on which only the newest value counts."""

import math
from typing import Generic, TypeVar

Value = TypeVar("Value")


class LatestValue(Generic[Value]):
    """Holds the newest value until it may be published; those that it overtook never are.

    One is under way at a time, and there is an `interval` of seconds between two. `first` needs no
    publishing. `put` may be called by one thread, and all else by another.
    """

    def __init__(self, interval: float, first: Value | None = None) -> None:
        self._interval = interval
        self._value = first
        self._published = first
        self._under_way = False
        self._not_before = 0.0

    @property
    def value(self) -> Value | None:
        """The newest one; None before there was any."""
        return self._value

    def put(self, value: Value) -> bool:
        """Take the newest value; tell whether it is another than before."""
        news = value != self._value
        self._value = value
        return news

    def begin(self, now: float, *, anew: bool) -> None:
        """A connection begins: publish what there is `anew`, or only what comes from now on."""
        self._published = None if anew else self._value
        self._under_way = False
        self._not_before = now + self._interval

    def due_in(self, now: float) -> float:
        """Return after how many seconds there will be something to publish, as far as is known."""
        if self._under_way or self._value == self._published:
            return math.inf
        return max(0.0, self._not_before - now)

    def take(self, now: float) -> Value | None:
        """Return the value to publish now, if there is one."""
        if self.due_in(now) != 0.0:
            return None
        self._published, self._under_way = self._value, True
        self._not_before = now + self._interval
        return self._published

    def answered(self) -> None:
        """The broker has it, or refuses it; the next may follow."""
        self._under_way = False
