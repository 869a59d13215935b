import subprocess
import sys
from pathlib import Path

PROGRAM = """
import logging, sys
from appliance.hardware.quiet import quiet_audio

for _ in range(2):
    audio = quiet_audio()
    try:
        audio.open(rate=12345, channels=7, format=8, input=True)
    except OSError:
        pass
    audio.terminate()
{ending}
"""


def stderr_of(ending: str, directory: Path) -> str:
    """Run a program for which no sound card, JACK or PulseAudio can be found."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(ending=ending)],
        env={"HOME": str(directory), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stderr


def test_the_sound_libraries_write_nothing(tmp_path: Path) -> None:
    assert stderr_of("", tmp_path) == ""


def test_without_it_they_would(tmp_path: Path) -> None:
    assert "ALSA" in stderr_of(
        "import os, pyaudio\nos.execv(sys.executable, [sys.executable, '-c', "
        "'import pyaudio; pyaudio.PyAudio().terminate()'])",
        tmp_path,
    )


def test_the_log_and_tracebacks_stay(tmp_path: Path) -> None:
    stderr = stderr_of("logging.warning('a word')\nraise SystemError('a trace')", tmp_path)
    assert "a word" in stderr
    assert "a trace" in stderr


def test_faulthandler_and_child_processes_stay(tmp_path: Path) -> None:
    ending = (
        "import faulthandler, subprocess\n"
        "subprocess.run(['sh', '-c', 'echo a child >&2'])\n"
        "faulthandler.dump_traceback()"
    )
    stderr = stderr_of(ending, tmp_path)
    assert "a child" in stderr
    assert "most recent call first" in stderr
