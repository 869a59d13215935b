"""Microphone on a fake sound system and a fake clock."""

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyaudio
import pytest

from appliance.core.events import (
    LevelMeasured,
    MicrophoneClosed,
    MicrophoneDoubted,
    MicrophoneFailed,
    MicrophoneOpened,
    MicrophoneReady,
    MicrophoneTrusted,
    OverflowCounted,
)
from appliance.core.faults import Fault
from appliance.hardware.microphone import Microphone
from appliance.hardware.portaudio import Device, Format
from appliance.settings.schema import MicrophoneSettings
from tests.hardware.fake_portaudio import HDMI, USB, FakeSound
from tests.rig.clock import Clock
from tests.rig.posted import Posted
from tests.rig.waiting import wait_until

BLOCK = np.arange(1600).astype("<i2").tobytes()
LOUD = np.full(1600, 32_767, "<i2").tobytes()
WEBCAM = Device(index=2, name="HD Webcam", rate=48_000, channels=1)


class Heard:
    """Audio that was delivered, and the threads that delivered it."""

    def __init__(self) -> None:
        self.chunks: list[tuple[bytes, float]] = []
        self.threads: set[str] = set()

    def __call__(self, chunk: bytes, captured_at: float) -> None:
        self.threads.add(threading.current_thread().name)
        self.chunks.append((chunk, captured_at))

    @property
    def audio(self) -> bytes:
        return b"".join(chunk for chunk, _ in self.chunks)


class Bench:
    """Microphone with everything around it."""

    def __init__(self, posted: Posted, cards: Path) -> None:
        self.sound = FakeSound()
        self.clock = Clock(100.0)
        self.heard = Heard()
        self.posted = posted
        self.cards = cards
        self.cards.write_text("0 [vc4hdmi0]\n1 [Device]\n")
        self.microphone = Microphone(
            MicrophoneSettings(device="usb"),
            posted,
            audio=self.sound,
            clock=self.clock,
            cards=cards,
            cards_check_interval=0.01,
            reopen_interval=0.01,
        )

    def start(self) -> None:
        self.microphone.start()
        wait_until(lambda: self.sound.instances)

    def open(self) -> None:
        self.microphone.open(self.heard)

    def close(self) -> None:
        """Close it a moment after the last block."""
        self.clock.now += 0.001
        self.microphone.close()

    def hear(self, audio: bytes = BLOCK, stream: int = 1) -> None:
        """Capture a block on the stream number `stream`, and let its time pass."""
        captured = self.sound.stream(stream).format
        self.clock.now += len(audio) / 2 / captured.channels / captured.rate
        self.sound.stream(stream).hear(audio)


@pytest.fixture
def bench(posted: Posted, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(posted, tmp_path / "cards")
    yield bench
    for stream in bench.sound.streams:
        stream.active = False
    bench.microphone.end()


def kinds(posted: Posted) -> list[str]:
    """Return what was posted after the start, but for the levels."""
    apart = (LevelMeasured, MicrophoneReady)
    return [type(event).__name__ for event in posted.events if not isinstance(event, apart)]


def test_it_reports_once_at_the_start_whether_there_is_a_microphone(bench: Bench) -> None:
    bench.start()
    bench.posted.wait(MicrophoneReady)
    bench.open()
    bench.hear()
    bench.posted.wait(MicrophoneOpened)
    assert kinds(bench.posted) == ["MicrophoneOpened"]
    assert len(bench.posted.of(MicrophoneReady)) == 1


def test_blocks_are_delivered_as_they_are_with_their_time(bench: Bench) -> None:
    bench.start()
    bench.open()
    bench.sound.stream()
    began_at = bench.clock.now
    for _ in range(3):
        bench.hear()
    wait_until(lambda: len(bench.heard.chunks) == 3)
    assert [chunk for chunk, _ in bench.heard.chunks] == [BLOCK] * 3
    times = [captured_at for _, captured_at in bench.heard.chunks]
    assert times == pytest.approx([began_at, began_at + 0.1, began_at + 0.2])
    assert bench.posted.events[:2] == [MicrophoneReady(), MicrophoneOpened(USB.name, 16_000)]
    assert bench.heard.threads == bench.sound.callers == {"microphone"}


def test_the_level_is_reported_at_once_and_then_every_300_ms(
    bench: Bench,
) -> None:
    bench.start()
    bench.open()
    bench.hear(LOUD)
    assert bench.posted.wait(LevelMeasured) == LevelMeasured(1.0)
    for block in (bytes(3200), LOUD, bytes(3200), bytes(3200)):
        bench.hear(block)
    wait_until(lambda: len(bench.heard.chunks) == 5)
    assert bench.posted.of(LevelMeasured) == [LevelMeasured(1.0), LevelMeasured(1.0)]


def test_each_session_has_a_level_from_its_first_chunk(bench: Bench) -> None:
    bench.start()
    for stream, block in enumerate((LOUD, bytes(3200)), start=1):
        bench.open()
        for _ in range(2):
            bench.hear(block, stream)
        bench.close()
        bench.hear(block, stream)
        bench.posted.wait(MicrophoneClosed, count=stream)
    assert bench.posted.of(LevelMeasured) == [LevelMeasured(1.0), LevelMeasured(0.0)]


def test_a_block_that_took_long_to_arrive_was_captured_earlier(bench: Bench) -> None:
    bench.start()
    bench.open()
    bench.sound.stream().hear(BLOCK, age=0.25)
    bench.posted.wait(LevelMeasured)
    assert bench.heard.chunks[0][1] == pytest.approx(bench.clock.now - 0.25)


def test_what_is_being_said_at_the_close_is_delivered_before_it_is_reported(
    bench: Bench,
) -> None:
    bench.start()
    bench.open()
    bench.hear(BLOCK + BLOCK[:1600])
    bench.clock.now += 0.02
    bench.close()
    bench.hear(BLOCK[1600:] + BLOCK)
    bench.posted.wait(MicrophoneClosed)
    assert bench.heard.audio == BLOCK * 3
    bench.open()
    bench.hear(BLOCK[:200], stream=2)
    bench.close()
    bench.hear(BLOCK[200:500], stream=2)
    bench.posted.wait(MicrophoneClosed, count=2)
    assert bench.heard.audio == BLOCK * 3 + BLOCK[:500]


def test_what_was_said_before_the_close_is_waited_for(bench: Bench) -> None:
    bench.start()
    bench.open()
    bench.hear()
    bench.close()
    for _ in range(3):
        bench.clock.now += 0.1
        bench.sound.stream().hear(BLOCK, age=0.35)
    bench.posted.wait(MicrophoneClosed)
    assert bench.heard.audio == BLOCK * 4


def test_nothing_is_delivered_or_left_open_after_the_close(bench: Bench) -> None:
    bench.start()
    bench.open()
    bench.hear()
    bench.close()
    bench.hear()
    bench.posted.wait(MicrophoneClosed)
    assert bench.sound.stream().closed
    delivered = len(bench.heard.chunks)
    bench.close()
    bench.microphone.end()
    assert len(bench.heard.chunks) == delivered
    assert kinds(bench.posted) == ["MicrophoneOpened", "MicrophoneClosed"]


def test_a_stream_that_dies_while_it_is_being_closed_is_closed(bench: Bench) -> None:
    bench.start()
    bench.open()
    bench.hear()
    bench.posted.wait(LevelMeasured)
    bench.close()
    bench.sound.stream().active = False
    bench.posted.wait(MicrophoneClosed)
    assert kinds(bench.posted) == ["MicrophoneOpened", "MicrophoneClosed"]
    assert bench.heard.audio == BLOCK


def test_three_quick_presses_leave_it_open(bench: Bench) -> None:
    bench.start()
    bench.open()
    bench.hear()
    bench.close()
    bench.open()
    bench.hear()
    bench.posted.wait(MicrophoneClosed)
    bench.hear(stream=2)
    bench.posted.wait(MicrophoneOpened, count=1)
    wait_until(lambda: bench.heard.audio.endswith(BLOCK))
    assert not bench.sound.stream(2).closed
    assert len(bench.posted.of(MicrophoneClosed)) == 1


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (44_100, 1), (44_100, 2)])
def test_a_device_that_refuses_16_khz_is_resampled(bench: Bench, rate: int, channels: int) -> None:
    bench.sound.devices = [Device(index=1, name="usb", rate=rate, channels=channels)]
    bench.sound.formats = {Format(rate, channels)}
    bench.start()
    bench.open()
    tone = 9000 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
    audio = np.repeat(tone, channels).astype("<i2").tobytes()
    size = rate // 10 * 2 * channels
    for start in range(0, len(audio), size):
        bench.hear(audio[start : start + size])
    bench.close()
    bench.hear(bytes(size))
    bench.posted.wait(MicrophoneClosed)
    assert bench.posted.of(MicrophoneOpened) == [MicrophoneOpened("usb", rate)]
    for (chunk, captured_at), (_, next_at) in itertools.pairwise(bench.heard.chunks):
        assert captured_at + len(chunk) / 32_000 == pytest.approx(next_at, abs=0.002)
    samples = np.frombuffer(bench.heard.audio, "<i2")
    assert len(samples) == pytest.approx(17_600, abs=2)
    assert int(np.abs(np.fft.rfft(samples[:16_000])).argmax()) == 1000


def test_a_busy_microphone_is_reported_once_and_taken_when_it_is_free(bench: Bench) -> None:
    bench.sound.error = OSError(pyaudio.paDeviceUnavailable, "Device unavailable")
    bench.start()
    bench.open()
    wait_until(lambda: pass_time(bench) and len(bench.sound.asked) >= 3)
    bench.sound.error = None
    wait_until(lambda: pass_time(bench) and bench.sound.streams)
    bench.hear()
    bench.posted.wait(MicrophoneOpened)
    assert kinds(bench.posted) == ["MicrophoneFailed", "MicrophoneOpened"]
    assert bench.posted.of(MicrophoneFailed)[0].fault.what == "Microphone busy"


def pass_time(bench: Bench) -> bool:
    bench.clock.now += 0.1
    return True


def test_a_microphone_pulled_out_and_put_back_goes_on(bench: Bench) -> None:
    bench.start()
    bench.open()
    bench.hear(BLOCK + BLOCK[:1000])
    bench.posted.wait(LevelMeasured)
    bench.sound.devices = [HDMI]
    bench.sound.stream().active = False
    bench.posted.wait(MicrophoneFailed)
    left = bench.clock.now
    wait_until(lambda: pass_time(bench) and len(bench.sound.instances) >= 3)
    bench.sound.devices = [HDMI, WEBCAM, Device(3, "USB at another port", 48_000, 1)]
    wait_until(lambda: pass_time(bench) and len(bench.sound.streams) >= 2)
    bench.hear(stream=2)
    bench.posted.wait(MicrophoneOpened, count=2)
    wait_until(lambda: len(bench.heard.chunks) == 2)
    assert kinds(bench.posted) == ["MicrophoneOpened", "MicrophoneFailed", "MicrophoneOpened"]
    assert bench.posted.of(MicrophoneOpened)[1].device == "USB at another port"
    assert bench.heard.audio == BLOCK + BLOCK[:1000] + BLOCK
    assert bench.heard.chunks[0][1] < left <= bench.heard.chunks[1][1]
    assert bench.sound.stream().closed


def test_a_stream_that_is_active_but_silent_for_2_s_is_reopened(bench: Bench) -> None:
    bench.start()
    bench.open()
    bench.hear()
    bench.posted.wait(LevelMeasured)
    bench.clock.now += 2.1
    assert bench.posted.wait(MicrophoneFailed).fault.what == "Microphone silent"
    wait_until(lambda: pass_time(bench) and len(bench.sound.streams) >= 2)
    bench.hear(stream=2)
    bench.posted.wait(MicrophoneOpened, count=2)


def test_what_comes_while_a_stream_that_seemed_dead_is_closed_is_heard(bench: Bench) -> None:
    bench.start()
    bench.open()
    bench.hear()
    bench.posted.wait(LevelMeasured)
    late = b"\x01\x02" * 1600
    bench.sound.stream().last_gasp = late
    bench.clock.now += 2.1
    bench.posted.wait(MicrophoneFailed)
    wait_until(lambda: late in [audio for audio, _ in bench.heard.chunks])


def test_one_that_fell_silent_because_it_was_pulled_out_is_then_called_missing(
    bench: Bench,
) -> None:
    bench.start()
    bench.open()
    bench.hear()
    bench.posted.wait(LevelMeasured)
    bench.sound.devices = [HDMI]
    bench.clock.now += 2.1
    wait_until(lambda: pass_time(bench) and len(bench.posted.of(MicrophoneFailed)) >= 2)
    wait_until(lambda: pass_time(bench) and len(bench.sound.instances) >= 5)
    remedies = [failed.fault.remedy for failed in bench.posted.of(MicrophoneFailed)]
    assert remedies == ["unplug it, plug it in", "plug it in"]


def test_closing_without_any_device_is_reported_once(bench: Bench) -> None:
    bench.sound.devices = [HDMI]
    bench.start()
    bench.posted.wait(MicrophoneFailed)
    bench.open()
    bench.posted.wait(MicrophoneFailed, count=2)
    bench.close()
    bench.posted.wait(MicrophoneClosed)
    bench.close()
    bench.microphone.end()
    assert len(bench.posted.of(MicrophoneClosed)) == 1
    assert bench.heard.chunks == []


def test_a_missing_microphone_is_reported_while_idle_and_when_it_is_back(bench: Bench) -> None:
    bench.sound.devices = [HDMI]
    bench.start()
    assert bench.posted.wait(MicrophoneFailed).fault == Fault(
        "No microphone", "plug it in", "none is called 'usb'"
    )
    bench.sound.devices = [HDMI, USB]
    bench.cards.write_text("1 [Device]\n")
    bench.posted.wait(MicrophoneOpened)
    assert bench.sound.streams == []


def test_portaudio_is_made_again_only_when_the_cards_change(bench: Bench) -> None:
    bench.start()
    bench.cards.write_text("2 [Webcam]\n")
    wait_until(lambda: len(bench.sound.instances) == 2)
    bench.open()
    bench.hear()
    bench.posted.wait(MicrophoneOpened)
    assert len(bench.sound.instances) == 2
    assert bench.sound.instances[0].terminated


def test_a_sound_system_that_does_not_start_is_a_fault_and_tried_again(
    posted: Posted, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sound = FakeSound()
    tries: list[None] = []

    def audio() -> object:
        tries.append(None)
        if len(tries) < 3:
            raise OSError(pyaudio.paInternalError, "Internal PortAudio error")
        return sound()

    microphone = Microphone(
        MicrophoneSettings(),
        posted,
        audio=audio,  # type: ignore[arg-type]
        reopen_interval=0.01,
    )
    microphone.start()
    assert posted.wait(MicrophoneFailed).fault.what == "No sound system"
    microphone.open(Heard())
    sound.stream().hear(BLOCK)
    posted.wait(MicrophoneOpened)
    sound.stream().active = False
    microphone.end()
    assert len(tries) == 3
    assert caplog.text.count("PortAudio does not start") == 1


def test_overflows_are_counted_and_end_nothing(bench: Bench) -> None:
    bench.start()
    bench.open()
    bench.sound.stream().hear(BLOCK, status=pyaudio.paInputOverflow)
    bench.sound.stream().hear(BLOCK)
    bench.sound.stream().hear(BLOCK, status=pyaudio.paInputOverflow)
    wait_until(lambda: len(bench.heard.chunks) == 3)
    assert bench.posted.of(OverflowCounted) == [OverflowCounted(1), OverflowCounted(2)]
    assert bench.heard.audio == BLOCK * 3


def test_blocks_beyond_30_s_are_dropped_and_counted(bench: Bench) -> None:
    taken = threading.Event()

    def deliver(chunk: bytes, captured_at: float) -> None:
        taken.wait(30)
        bench.heard(chunk, captured_at)

    bench.start()
    bench.microphone.open(deliver)
    for _ in range(350):
        bench.hear()
    taken.set()
    wait_until(lambda: len(bench.heard.chunks) >= 300)
    bench.sound.stream().hear(BLOCK)
    bench.posted.wait(OverflowCounted)
    assert bench.posted.of(OverflowCounted)[-1].total in {49, 50}


def test_ending_closes_and_leaves_no_thread(bench: Bench) -> None:
    bench.start()
    bench.open()
    bench.hear()
    bench.posted.wait(LevelMeasured)
    threading.Timer(0.05, lambda: bench.sound.stream().hear(BLOCK)).start()
    bench.microphone.end()
    assert bench.sound.stream().closed
    assert bench.sound.instances[-1].terminated
    assert kinds(bench.posted)[-1] == "MicrophoneClosed"
    assert "microphone" not in {thread.name for thread in threading.enumerate()}


SILENCE = bytes(3200)


@pytest.mark.parametrize(
    "dead",
    [SILENCE, np.full(1600, 900, "<i2").tobytes(), (np.arange(1600) % 5).astype("<i2").tobytes()],
)
def test_a_microphone_that_hears_not_even_noise_is_called_muted_until_it_hears(
    bench: Bench, dead: bytes
) -> None:
    bench.start()
    bench.open()
    for _ in range(49):
        bench.hear(dead)
    wait_until(lambda: len(bench.heard.chunks) == 49)
    assert kinds(bench.posted) == ["MicrophoneOpened"]
    bench.hear(dead)
    assert bench.posted.wait(MicrophoneDoubted).fault.what == "Microphone is muted?"
    for _ in range(60):
        bench.hear(dead)
    bench.hear()
    bench.posted.wait(MicrophoneTrusted)
    bench.hear(dead)
    wait_until(lambda: len(bench.heard.chunks) == 112)
    assert kinds(bench.posted) == ["MicrophoneOpened", "MicrophoneDoubted", "MicrophoneTrusted"]
    assert bench.heard.audio == dead * 110 + BLOCK + dead


def test_a_muted_microphone_is_no_fault_when_nobody_listens(bench: Bench) -> None:
    bench.start()
    bench.open()
    for _ in range(50):
        bench.hear(SILENCE)
    bench.posted.wait(MicrophoneDoubted)
    bench.close()
    bench.hear(SILENCE)
    bench.posted.wait(MicrophoneClosed)
    assert kinds(bench.posted)[-2:] == ["MicrophoneTrusted", "MicrophoneClosed"]


def test_all_channels_are_opened_where_the_first_hears_nothing(bench: Bench) -> None:
    bench.sound.devices = [Device(index=0, name="usb", rate=48_000, channels=4)]
    bench.sound.formats = {Format(16_000, 1), Format(16_000, 4)}
    bench.start()
    bench.open()
    for _ in range(25):
        bench.hear(SILENCE)
    bench.sound.stream(2)
    voice = np.zeros((1600, 4), "<i2")
    voice[:, 2] = np.arange(1600)
    bench.hear(voice.tobytes(), stream=2)
    bench.posted.wait(MicrophoneOpened, count=2)
    wait_until(lambda: len(bench.heard.chunks) == 26)
    assert bench.heard.audio == SILENCE * 25 + BLOCK
    assert bench.posted.of(MicrophoneDoubted) == []


def test_a_device_that_delivers_too_little_for_its_rate_is_unusable(bench: Bench) -> None:
    bench.start()
    bench.open()
    for _ in range(100):
        bench.clock.now += 0.038
        bench.hear()
    fault = bench.posted.wait(MicrophoneDoubted).fault
    assert fault.what == "Microphone unusable"
    wait_until(lambda: len(bench.heard.chunks) == 100)
    assert bench.heard.audio == BLOCK * 100


def test_a_device_that_runs_away_is_stopped_and_unusable(bench: Bench) -> None:
    bench.start()
    bench.open()
    stream = bench.sound.stream()
    blocks = stream.run_away(BLOCK)
    fault = bench.posted.wait(MicrophoneFailed).fault
    assert fault.what == "Microphone unusable"
    assert blocks < 40
    wait_until(lambda: bench.heard.audio == BLOCK * blocks)
    wait_until(lambda: stream.closed)


def test_audio_that_waited_while_the_machine_was_busy_runs_not_away(bench: Bench) -> None:
    bench.start()
    bench.open()
    stream = bench.sound.stream()
    for pause in (10.0, 0.1, 10.0):
        bench.clock.now += pause
        for _ in range(round(10 * pause)):
            stream.hear(BLOCK)
    wait_until(lambda: len(bench.heard.chunks) == 201)
    assert kinds(bench.posted) == ["MicrophoneOpened"]
    assert not stream.closed


def test_a_machine_that_stood_still_is_no_silent_microphone(posted: Posted, tmp_path: Path) -> None:
    clock = Clock()
    sound = FakeSound()
    heard = Heard()
    looks = itertools.count()

    def now() -> float:
        # The first look at an empty queue comes long after the last block.
        if threading.current_thread().name == "microphone" and heard.chunks and not next(looks):
            clock.now += 10
        return clock.now

    microphone = Microphone(
        MicrophoneSettings(), posted, audio=sound, clock=now, cards=tmp_path / "cards"
    )
    microphone.start()
    microphone.open(heard)
    sound.stream().hear(BLOCK)
    wait_until(lambda: clock.now == 10)
    sound.stream().hear(BLOCK)
    wait_until(lambda: len(heard.chunks) == 2)
    sound.stream().active = False
    microphone.end()
    assert "MicrophoneFailed" not in kinds(posted)


def test_a_microphone_is_trusted_once_its_rate_was_measured(bench: Bench) -> None:
    bench.start()
    bench.open()
    for _ in range(70):
        bench.hear()
    bench.posted.wait(MicrophoneTrusted)
    wait_until(lambda: len(bench.heard.chunks) == 70)
    assert kinds(bench.posted) == ["MicrophoneOpened", "MicrophoneTrusted"]


def test_a_sound_server_that_lost_its_card_is_no_microphone(bench: Bench) -> None:
    bench.sound.devices = [Device(index=0, name="usb by pulse", rate=44_100, channels=32)]
    pcm = bench.cards.with_name("pcm")
    pcm.write_text("01-00: USB Audio : USB Audio : capture 1\n")
    bench.start()
    bench.open()
    bench.sound.stream().hear(BLOCK)  # no time passes, so that the cards are not looked at yet
    bench.posted.wait(MicrophoneOpened)
    pcm.write_text("00-03: HDMI 0 : HDMI 0 : playback 1\n")
    bench.hear()
    assert bench.posted.wait(MicrophoneFailed).fault.what == "No microphone"
    wait_until(lambda: bench.sound.stream().closed)
    pcm.write_text("02-00: USB Audio : USB Audio : capture 1\n")
    bench.sound.stream(2)
    bench.hear(stream=2)
    bench.posted.wait(MicrophoneOpened, count=2)
    wait_until(lambda: len(bench.heard.chunks) == 3)


LOADED_AT_REST = """
import queue, sys
from appliance.core.events import MicrophoneReady
from appliance.hardware.microphone import Microphone
from appliance.hardware.portaudio import Device, Format
from appliance.settings.schema import MicrophoneSettings
from tests.hardware.fake_portaudio import FakeSound

device = Device(index=0, name="any", rate={rate}, channels={channels})
formats = [Format(rate, count) for rate in {rates} for count in {counts}]
posted = queue.SimpleQueue()
microphone = Microphone(MicrophoneSettings(), posted.put, audio=FakeSound([device], formats))
microphone.start()
assert isinstance(posted.get(timeout=30), MicrophoneReady)
microphone.end()
print(*sorted({{"numpy", "soxr"}} & sys.modules.keys()))
"""


@pytest.mark.parametrize(
    ("channels", "rates", "counts", "loaded"),
    [
        (1, [16_000], [1], ""),
        (1, [48_000], [1], "numpy soxr"),
        (2, [16_000], [2], "numpy"),
        (2, [16_000, 48_000], [1, 2], ""),
        (32, [16_000, 44_100], [1, 2, 16, 32], ""),
        (32, [44_100], [1, 2, 16, 32], "numpy soxr"),
    ],
    ids=["16 kHz", "48 kHz", "stereo alone", "stereo or mono", "server", "server at 44.1 kHz"],
)
def test_what_converts_audio_is_loaded_at_rest_only_for_a_device_that_needs_it(
    channels: int, rates: list[int], counts: list[int], loaded: str
) -> None:
    program = LOADED_AT_REST.format(rate=48_000, channels=channels, rates=rates, counts=counts)
    ran = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert ran.stdout.strip() == loaded
