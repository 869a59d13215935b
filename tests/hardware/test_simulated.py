import queue
import struct
import time
import wave
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyaudio
import pytest

from appliance.core.events import LevelMeasured, MicrophoneClosed, MicrophoneOpened
from appliance.hardware.microphone import Microphone
from appliance.hardware.simulated import WavAudio, WavRecording
from appliance.settings.schema import MicrophoneSettings
from tests.rig.posted import Posted

Block = tuple[bytes | None, int]


def wav(
    path: Path, samples: bytes, *, rate: int = 16_000, channels: int = 1, width: int = 2
) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples)
    return path


def ramp(count: int) -> bytes:
    return (np.arange(count) % 32_768).astype("<i2").tobytes()


def opened(audio: WavAudio, blocks: "queue.Queue[Block]") -> None:
    def callback(
        heard: bytes | None, frames: int, times: Mapping[str, float], status: int
    ) -> tuple[None, int]:
        blocks.put((heard, frames))
        return None, pyaudio.paContinue

    audio.open(
        rate=audio.recording.rate,
        channels=audio.recording.channels,
        format=pyaudio.paInt16,
        input=True,
        frames_per_buffer=800,
        stream_callback=callback,
    )


def test_the_file_is_played_then_silence(tmp_path: Path) -> None:
    audio = WavAudio(wav(tmp_path / "a.wav", ramp(2000)))
    blocks: queue.Queue[Block] = queue.Queue()
    opened(audio, blocks)
    heard = [blocks.get(timeout=30) for _ in range(5)]
    assert audio.finished.is_set()
    assert {frames for _, frames in heard} == {800}
    assert b"".join(block or b"" for block, _ in heard) == ramp(2000) + bytes(4000)
    audio.terminate()


def test_each_stream_plays_the_file_from_its_start(tmp_path: Path) -> None:
    audio = WavAudio(wav(tmp_path / "a.wav", ramp(2000)))
    for _ in range(2):
        blocks: queue.Queue[Block] = queue.Queue()
        opened(audio, blocks)
        assert blocks.get(timeout=30)[0] == ramp(800)
        assert audio.finished.wait(30)
        audio.terminate()


def test_nothing_is_played_before_its_time(tmp_path: Path) -> None:
    audio = WavAudio(wav(tmp_path / "a.wav", ramp(8000)))
    blocks: queue.Queue[Block] = queue.Queue()
    began_at = time.monotonic()
    opened(audio, blocks)
    for number in range(1, 6):
        blocks.get(timeout=30)
        assert time.monotonic() >= began_at + number * 0.05
    audio.terminate()


def test_no_other_format_than_the_files_own_is_offered(tmp_path: Path) -> None:
    audio = WavAudio(wav(tmp_path / "a.wav", ramp(2000), rate=44_100, channels=2))
    assert audio.is_format_supported(44_100, 0, 2, pyaudio.paInt16)
    with pytest.raises(ValueError, match="Invalid sample rate"):
        audio.is_format_supported(16_000, 0, 2, pyaudio.paInt16)
    with pytest.raises(OSError, match="Invalid number of channels") as refused:
        audio.open(44_100, 1, pyaudio.paInt16, input=True, stream_callback=lambda *_: (None, 0))
    assert refused.value.errno == pyaudio.paInvalidChannelCount


@pytest.mark.parametrize(
    ("width", "samples"),
    [
        (1, bytes([0, 128, 255])),
        (2, struct.pack("<3h", -32_768, 0, 32_512)),
        (3, b"\x00\x00\x80" + b"\x00\x00\x00" + b"\xff\x00\x7f"),
        (4, struct.pack("<3i", -(2**31), 0, 32_512 << 16)),
    ],
)
def test_all_widths_of_pcm_are_read(tmp_path: Path, width: int, samples: bytes) -> None:
    recording = WavRecording(wav(tmp_path / "a.wav", samples, width=width))
    assert struct.unpack("<3h", recording.samples) == (-32_768, 0, 32_512)


def test_pcm_that_is_called_extensible_is_read(tmp_path: Path) -> None:
    samples = ramp(100)
    guid = b"\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    format_ = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 16_000, 32_000, 2, 16, 22, 16, 4) + guid
    chunks = b"WAVEfmt " + struct.pack("<I", 40) + format_ + b"data" + struct.pack("<I", 200)
    file = b"RIFF" + struct.pack("<I", len(chunks) + 200) + chunks + samples
    (tmp_path / "a.wav").write_bytes(file)
    assert WavRecording(tmp_path / "a.wav").samples == samples


def test_a_truncated_file_is_read_up_to_its_last_whole_frame(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", bytes(3000), channels=2, width=3)
    path.write_bytes(path.read_bytes()[:-1])
    assert len(WavRecording(path).samples) == 499 * 2 * 2


@pytest.mark.parametrize("contents", [b"", b"RIFF", b"ID3\x04 no wav", b"RIFF\x04\0\0\0WAVE"])
def test_what_is_no_wav_file_is_refused_with_a_sentence(tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=r"song\.mp3 is no WAV file with .* PCM: \w"):
        WavAudio(path)


def test_the_microphone_hears_it_at_16_khz(tmp_path: Path, posted: Posted) -> None:
    tone = (9000 * np.sin(np.arange(44_100) * 2 * np.pi * 1000 / 44_100)).astype("<i2")
    path = wav(tmp_path / "a.wav", np.repeat(tone, 2).tobytes(), rate=44_100, channels=2)
    audio = WavAudio(path)
    heard = bytearray()
    microphone = Microphone(MicrophoneSettings(), posted, audio=lambda: audio)
    microphone.start()
    microphone.open(lambda chunk, _: heard.extend(chunk))
    assert posted.wait(MicrophoneOpened) == MicrophoneOpened("a.wav", 44_100)
    assert audio.finished.wait(30)
    microphone.close()
    posted.wait(MicrophoneClosed)
    microphone.end()
    samples = np.frombuffer(heard, dtype="<i2")[:16_000]
    spectrum = np.abs(np.fft.rfft(samples))
    assert int(spectrum.argmax()) == 1000
    assert max(event.level for event in posted.of(LevelMeasured)) == 0.8
