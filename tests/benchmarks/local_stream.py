"""Stream to the local service in real time, and the times of its answers."""

import asyncio
import json
import time
from typing import Any, NamedTuple

import websockets

FRAME_MS = 100
BYTES_PER_MS = 32

Message = dict[str, Any]


class Answer(NamedTuple):
    """Message, and its time: milliseconds from the first sample of the stream's audio."""

    at: float
    message: Message


async def stream(
    url: str, pcm: bytes, *, delay: float = 0.0, real_time: bool = True
) -> list[Answer]:
    """Return the answers to this audio (mono s16le, 16000 Hz), begun in `delay` s.

    In real time a frame is sent when its last sample could have been spoken.
    """
    await asyncio.sleep(delay)
    answers: list[Answer] = []
    async with websockets.connect(url, max_queue=None, additional_headers=_KEY) as socket:
        begun = time.monotonic()
        reading = asyncio.create_task(_read(socket, begun, answers))
        for start in range(0, len(pcm), FRAME_MS * BYTES_PER_MS):
            spoken = begun + (start // BYTES_PER_MS + FRAME_MS) / 1000
            if real_time:
                await asyncio.sleep(spoken - time.monotonic())
            frame = pcm[start : start + FRAME_MS * BYTES_PER_MS]
            await socket.send(frame.ljust(FRAME_MS * BYTES_PER_MS, b"\0"))
        await socket.send('{"type": "Terminate"}')
        await reading
    return answers


_KEY = {"Authorization": "benchmark"}


async def _read(socket: websockets.ClientConnection, begun: float, answers: list[Answer]) -> None:
    answers.extend(
        [Answer((time.monotonic() - begun) * 1000, json.loads(text)) async for text in socket]
    )
