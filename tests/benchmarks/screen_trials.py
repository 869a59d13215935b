"""Trials: turns sent to the whole appliance, and the times at which their last byte was shown."""

import contextlib
import itertools
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from appliance.screen.scene import Scene
from appliance.settings.schema import DisplaySettings
from tests.benchmarks.screen_box import SHOWN_TIMEOUT, Delay, TimedBox, write_speech
from tests.benchmarks.screen_figures import p99
from tests.benchmarks.screen_replay import panel_picture
from tests.benchmarks.screen_talk import Change, Step, conversation, finished_turns, paced
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until

SPEECH_SECONDS = 180.0
"""Seconds for which the microphone hears speech; silence follows."""

WARM_UP = 40
"""Messages until the panel is full of lines and every letter was drawn once."""

UNSEEN_TIMEOUT = 0.5
"""Seconds after which a message counts as one that changed no pixel."""

RUNS = 3

WORDS_A_SECOND = 3.0

BURST = 200
"""Turns in a burst of one second."""

MINUTE = 60.0

BELOW_STATUS = 12
"""The first row of pixels in which only words of the transcript stand."""

APPENDED, REVISED = Change.APPENDED.value, Change.REVISED.value
FINISHED, FORMATTED = Change.FINISHED.value, Change.FORMATTED.value
SCROLLED = "a new turn, or a scroll"
REPAINTED = "a word in the minute's repaint"


class Trial(NamedTuple):
    """Result of a run of the appliance: delays by kind of change, and the scenes shown.

    `overhead` is how many times as long the bus took as its bits alone would have.
    """

    delays: dict[str, list[Delay]]
    scenes: list[Scene]
    bytes_sent: int
    overhead: float

    def shown(self, change: str = "") -> list[float]:
        """Return the milliseconds until such changes, or all but repaints, were shown."""
        return [delay.shown for delay in self._delays(change)]

    def after_handling(self, change: str = "") -> list[float]:
        """Return the same from the moment on when the controller had the turn."""
        return [delay.shown - delay.handled for delay in self._delays(change)]

    def handled(self) -> list[float]:
        """Return the milliseconds until the controller had each turn."""
        return [delay.handled for delay in self._delays()]

    def _delays(self, change: str = "") -> list[Delay]:
        names = [change] if change else [name for name in self.delays if name != REPAINTED]
        return [delay for name in names for delay in self.delays.get(name, [])]


def best(run: Callable[[], Trial]) -> Trial:
    """Return the least disturbed of three runs: the one whose slowest changes were the fastest."""
    return min((run() for _ in range(RUNS)), key=lambda trial: p99(trial.shown()))


class Burst(NamedTuple):
    """Milliseconds: the age of what each frame showed, and the delay of the last turn."""

    ages: list[float]
    last: float


class Trials:
    """Runs the appliance again and again.

    Args:
        folder: for all that the appliances write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._speech = folder / "speech.wav"
        write_speech(self._speech, SPEECH_SECONDS)

    def reactions(
        self,
        display: DisplaySettings,
        steps: Iterator[Step],
        count: int,
        *,
        before: Sequence[Step] = (),
        whole: bool = False,
        repaints: bool = False,
    ) -> Trial:
        """Send a change as soon as the last one is shown, `count` times, all `before` in one go.

        With `repaints` each meets the minute's repaint of everything.
        """
        with self._box(display, whole=whole) as box:
            _send_all(box, before)
            for _ in _timed(box, itertools.islice(steps, WARM_UP)):
                pass
            first, bytes_before = len(box.frames), box.bus.bytes_sent
            delays: dict[str, list[Delay]] = defaultdict(list)
            for step, delay, moved in _timed(
                box, itertools.islice(steps, count), repaints=repaints
            ):
                name = REPAINTED if repaints else _name(step.change, moved=moved)
                delays[name].append(delay)
            return _trial(box, delays, first, bytes_before)

    def captions(self, display: DisplaySettings, seconds: float) -> Trial:
        """Send a conversation as fast as people talk."""
        talk = paced(conversation(random.Random(3)), WORDS_A_SECOND)
        with self._box(display) as box:
            first, bytes_before = len(box.frames), box.bus.bytes_sent
            began_at = time.monotonic()
            for due, step in itertools.takewhile(lambda moment: moment[0] < seconds, talk):
                time.sleep(max(0.0, began_at + due - time.monotonic()))
                box.send(step)
            return _trial(box, {}, first, bytes_before)

    def burst(self, display: DisplaySettings, *, whole: bool = False) -> Burst:
        """Send `BURST` new turns in one second; each moves all lines."""
        steps = list(finished_turns(random.Random(4), words=8 * BURST, length=8))
        numbers = {step.shown: number for number, step in enumerate(steps)}
        with self._box(display, whole=whole) as box:
            began_at = time.monotonic()
            for number, step in enumerate(steps):
                time.sleep(max(0.0, began_at + number / BURST - time.monotonic()))
                box.send(step)
            assert box.wait_shown(steps[-1].shown), "the last turn of the burst is not shown"
            first_shown: dict[int, float] = {}
            for frame in box.frames:
                newest = numbers.get(frame.scene.turns[-1]) if frame.scene.turns else None
                if newest is not None:
                    first_shown.setdefault(newest, box.delay(newest, frame).shown)
            return Burst([*first_shown.values()], first_shown[BURST - 1])

    @contextlib.contextmanager
    def _box(self, display: DisplaySettings, *, whole: bool = False) -> Iterator[TimedBox]:
        with (
            tempfile.TemporaryDirectory(dir=self._folder) as folder,
            ScriptedService() as service,
            TimedBox(service, display, Path(folder), self._speech, whole=whole) as box,
        ):
            yield box
            frame = box.frames[-1]
            seen = panel_picture(box.bus.transfers[: frame.transfers], display)
            assert seen.tobytes() == frame.picture.tobytes(), "the panel shows another picture"


def _send_all(box: TimedBox, steps: Sequence[Step]) -> None:
    """Send these turns, and wait until they are shown and kept."""
    for step in steps:
        box.send(step)
    if steps:
        box.wait_shown(steps[-1].shown)
        finished = sum(step.change is Change.FORMATTED for step in steps)
        wait_until(lambda: sum(len(it.turns) for it in box.sessions()) >= finished, within=120)


def _timed(
    box: TimedBox, steps: Iterable[Step], *, repaints: bool = False
) -> Iterator[tuple[Step, Delay, bool]]:
    """Send steps one by one; yield those that can be seen, how long it took, if lines moved."""
    for step in steps:
        before = _text(box.frames[-1].picture)
        box.leapt += MINUTE if repaints else 0.0
        number = box.send(step)
        # The end of a turn may change no pixel; then the next frame has other reasons.
        may_be_unseen = step.change is Change.FINISHED
        frame = box.wait_shown(step.shown, UNSEEN_TIMEOUT if may_be_unseen else SHOWN_TIMEOUT)
        assert frame or may_be_unseen, f"not shown: {step.shown}"
        if frame and (text := _text(frame.picture)).tobytes() != before.tobytes():
            yield step, box.delay(number, frame), _top(before) != _top(text)


def _text(picture: Image.Image) -> Image.Image:
    return picture.crop((0, BELOW_STATUS, *picture.size))


def _top(text: Image.Image) -> bytes:
    """Return the text's upper third: it changes when lines move."""
    return text.crop((0, 0, text.width, text.height // 3)).tobytes()


def _name(change: Change, *, moved: bool) -> str:
    """Return how the change is called: a turn that is at its end is named so, moved or not."""
    at_end = change in {Change.FINISHED, Change.FORMATTED}
    return SCROLLED if (moved and not at_end) or change is Change.BEGUN else change.value


def _trial(
    box: TimedBox, delays: dict[str, list[Delay]], first_frame: int, bytes_before: int
) -> Trial:
    scenes = [frame.scene for frame in box.frames[first_frame:]]
    bytes_sent = box.bus.bytes_sent - bytes_before
    return Trial(delays, scenes, bytes_sent, box.bus.busy / box.bus.nominal)
