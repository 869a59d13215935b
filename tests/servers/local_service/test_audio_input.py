import numpy as np
import pytest

from appliance.servers.local_service.audio_input import AudioInput, mulaw_samples
from appliance.servers.local_service.refusals import RefusedError
from tests.rig.clock import Clock


def test_audio_at_the_recognizers_rate_is_unchanged(clock: Clock) -> None:
    audio = AudioInput(16_000, 310, clock)
    frame = bytes(range(160)) * 20
    assert audio.convert(frame) == frame
    assert audio.flush() == b""
    assert audio.seconds == 0.1


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_audio_at_another_rate_keeps_its_length(clock: Clock, rate: int) -> None:
    audio = AudioInput(rate, 310, clock)
    converted = b"".join(audio.convert(bytes(rate // 5 * 2)) for _ in range(10)) + audio.flush()
    assert len(converted) / 32_000 == pytest.approx(2.0, abs=0.001)


@pytest.mark.parametrize("rate", [8000, 16_000, 96_000])
def test_mu_law_has_a_byte_for_each_sample(clock: Clock, rate: int) -> None:
    audio = AudioInput(rate, 310, clock, encoding="pcm_mulaw")
    converted = b"".join(audio.convert(b"\xff" * (rate // 5)) for _ in range(10)) + audio.flush()
    assert audio.seconds == pytest.approx(2.0)
    assert len(converted) / 32_000 == pytest.approx(2.0, abs=0.001)
    assert abs(np.frombuffer(converted, "<i2")).max() <= 1, "0xff is silence"


def test_a_mu_law_frame_under_50_ms_is_refused(clock: Clock) -> None:
    with pytest.raises(RefusedError, match=r"Violation: 49\.875 ms"):
        AudioInput(8000, 310, clock, encoding="pcm_mulaw").convert(bytes(399))


@pytest.mark.parametrize("rate", [8000, 11_025])
def test_audio_at_low_rates_gets_a_fainter_upper_half(clock: Clock, rate: int) -> None:
    pitch = rate * 0.4
    tone = np.sin(np.arange(rate) * 2 * np.pi * 0.4) * 10_000
    audio = AudioInput(rate, 310, clock)
    converted = np.frombuffer(audio.convert(tone.astype("<i2").tobytes()) + audio.flush(), "<i2")
    spectrum = np.abs(np.fft.rfft(converted[2000:14_000] * np.hanning(12_000)))
    hertz = np.fft.rfftfreq(12_000, 1 / 16_000)
    said = spectrum[abs(hertz - pitch) < 5].max()
    mirrored = spectrum[abs(hertz - (rate - pitch)) < 5].max()
    assert mirrored / said == pytest.approx(0.73, abs=0.15)


@pytest.mark.parametrize("size", [0, 1598, 32_002])
def test_frames_under_50_ms_and_over_1000_ms_are_refused(clock: Clock, size: int) -> None:
    with pytest.raises(RefusedError, match=r"Input Duration Violation: \S+ ms\.") as caught:
        AudioInput(16_000, 310, clock).convert(bytes(size))
    assert caught.value.code == 3007


@pytest.mark.parametrize("size", [1600, 32_000])
def test_frames_of_50_ms_and_of_1000_ms_are_taken(clock: Clock, size: int) -> None:
    assert AudioInput(16_000, 310, clock).convert(bytes(size)) == bytes(size)


def test_a_frame_that_ends_within_a_sample_is_refused(clock: Clock) -> None:
    with pytest.raises(RefusedError, match="16 bit") as caught:
        AudioInput(16_000, 310, clock).convert(bytes(3201))
    assert caught.value.code == 3006


def test_audio_may_be_ahead_of_real_time_up_to_a_limit(clock: Clock) -> None:
    audio = AudioInput(16_000, 3, clock)
    for _ in range(3):
        audio.convert(bytes(32_000))
    with pytest.raises(RefusedError, match=r"Received 4\.0 sec\. audio in 0\.0 sec") as caught:
        audio.convert(bytes(32_000))
    assert caught.value.code == 3007


def test_as_time_passes_more_audio_is_accepted(clock: Clock) -> None:
    audio = AudioInput(16_000, 1, clock)
    for _ in range(5):
        audio.convert(bytes(32_000))
        clock.now += 1
    assert audio.seconds == 5


# Mu-law


@pytest.mark.parametrize(
    ("code", "sample"),
    [
        (0xFF, 0),
        (0x7F, 0),
        (0x80, 32_124),
        (0x00, -32_124),
        (0xFE, 8),
        (0x7E, -8),
        (0xEF, 132),
        (0x8F, 16_764),
        (0xA0, 7932),
    ],
)
def test_mu_law_codes_have_the_samples_of_the_standard(code: int, sample: int) -> None:
    assert mulaw_samples(bytes([code])).tolist() == [sample]


def test_mu_law_is_monotonic_and_symmetric() -> None:
    positive = mulaw_samples(bytes(range(0xFF, 0x7F, -1)))
    assert (np.diff(positive) > 0).all()
    assert (mulaw_samples(bytes(range(0x7F, -1, -1))) == -positive).all()


def test_mu_law_samples_are_16_bit_one_for_each_byte() -> None:
    assert mulaw_samples(bytes(400)).dtype == np.int16
    assert mulaw_samples(bytes(400)).size == 400
    assert mulaw_samples(b"").size == 0
