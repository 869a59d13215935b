"""Keeps the sound libraries' own messages off the terminal.

ALSA, JACK and PortAudio write to C's `stderr` whenever they look at a device that isn't there,
refuses a rate, or is pulled out. Whatever matters in it comes back as an error code too.
"""

import ctypes
import functools

import pyaudio

from appliance.system import environment


def quiet_audio() -> pyaudio.PyAudio:
    """Return a new `PyAudio` whose libraries keep silent.

    Raises:
        OSError: PortAudio can't be initialised.
    """
    silence_libraries()
    return pyaudio.PyAudio()


@functools.cache
def silence_libraries() -> None:
    """Point C's `stderr` nowhere, for good; may be called again.

    Python writes to the file descriptor, not to C's stream: its log, its tracebacks and
    faulthandler's stay where they are. Redirecting the descriptor, even for a moment, would take
    other threads' lines with it; and PortAudio, unlike ALSA and JACK, can't be told to be silent.
    """
    environment.prepare()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fopen.restype = ctypes.c_void_p
    nowhere = libc.fopen(b"/dev/null", b"w")
    if nowhere:
        ctypes.c_void_p.in_dll(libc, "stderr").value = nowhere
