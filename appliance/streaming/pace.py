"""Pace: how fast a backlog may be sent.

The service refuses audio that comes faster than real time by more than it tolerates, and does not
say how much that is (the protocol's "Rate"). So the first try is fast, and each refusal slower.
"""

import msgspec

WORTHWHILE = 60.0
"""Seconds ahead that a new connection must bring to be worth its handshake."""


class Pace(msgspec.Struct, frozen=True):
    """Audio may be `ahead` seconds before real time, gaining on it by `speed`, up to `most`.

    All in seconds of audio; `speed` in seconds of audio a second.
    """

    ahead: float
    speed: float
    most: float

    def allowance(self, elapsed: float) -> float:
        """Return how many seconds of audio may have been sent after `elapsed` seconds."""
        return min(self.ahead + self.speed * elapsed, elapsed + self.most)

    def is_held_back(self, elapsed: float) -> bool:
        """Tell whether only a new connection could get further ahead than this one by now."""
        return self.ahead + self.speed * elapsed > elapsed + self.most >= elapsed + WORTHWHILE


PACES = (
    Pace(ahead=20.0, speed=12.0, most=240.0),
    Pace(ahead=1.0, speed=1.2, most=240.0),
    Pace(ahead=0.5, speed=1.0, most=0.5),
)
"""From the first try to the slowest, which is real time."""
