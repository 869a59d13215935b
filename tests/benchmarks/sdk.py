"""The vendor's SDK as its documentation shows it, fed by a generator that reads PyAudio.

python -m tests.benchmarks.sdk HOST API_KEY: the first line of input begins, the second one stops;
the end of input ends the program. Reports when a turn is handled, and in the end what was heard.
"""

import sys
import threading
from collections.abc import Iterator

import pyaudio
from assemblyai.streaming.v3 import (
    RealTimeEvents,
    RealTimeParameters,
    RealTimeTranscriber,
    RealTimeTranscriberOptions,
    TurnEvent,
)

from tests.benchmarks.reports import report

RATE = 16_000
CHUNK = RATE // 10

PARAMETERS = {
    "sample_rate": RATE,
    "speech_model": "universal-streaming-english",
    "format_turns": True,
}


def microphone(audio: pyaudio.PyAudio, stopped: threading.Event) -> Iterator[bytes]:
    """Yield what the default microphone hears, 100 ms at a time."""
    stream = audio.open(
        rate=RATE, channels=1, format=pyaudio.paInt16, input=True, frames_per_buffer=CHUNK
    )
    while not stopped.is_set():
        yield stream.read(CHUNK, exception_on_overflow=False)
    stream.close()


def main() -> None:
    """Transcribe between two lines of input."""
    host, api_key = sys.argv[1:]
    audio = pyaudio.PyAudio()
    heard: list[str] = []
    stopped = threading.Event()

    def on_turn(_: RealTimeTranscriber, turn: TurnEvent) -> None:
        report("handled")
        if turn.end_of_turn and turn.turn_is_formatted:
            heard.extend(turn.transcript.split())

    def transcribe() -> None:
        client.connect(RealTimeParameters.model_validate(PARAMETERS))
        try:
            client.stream(microphone(audio, stopped))
        finally:
            client.disconnect(terminate=True)

    client = RealTimeTranscriber(RealTimeTranscriberOptions(api_key=api_key, api_host=host))
    client.on(RealTimeEvents.Turn, on_turn)
    transcribing = threading.Thread(target=transcribe, name="transcribe")
    report("shown", "ready")
    for _ in sys.stdin:
        report("pressed")
        if transcribing.ident is None:
            transcribing.start()
        else:
            stopped.set()
    stopped.set()
    if transcribing.ident is not None:
        transcribing.join()
    report("heard", words=tuple(heard))
    audio.terminate()


if __name__ == "__main__":
    main()
