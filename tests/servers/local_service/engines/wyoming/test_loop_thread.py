import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

from appliance.servers.local_service.engines.wyoming.loop_thread import LoopThread


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def test_a_coroutine_returns_its_result() -> None:
    thread = LoopThread("doubling")
    assert thread.submit(double(21)).result() == 42
    thread.close()


def test_calls_keep_their_order() -> None:
    thread = LoopThread("counting")
    numbers: list[int] = []
    for number in range(100):
        thread.call(numbers.append, number)
    thread.close()
    assert numbers == list(range(100))


def test_close_cancels_what_is_running() -> None:
    thread = LoopThread("waiting")
    waiting = thread.submit(asyncio.sleep(3600))
    thread.close()
    with pytest.raises(CancelledError):
        waiting.result()


def test_close_ends_the_thread() -> None:
    thread = LoopThread("short-lived")
    assert "short-lived" in {running.name for running in threading.enumerate()}
    thread.close()
    assert "short-lived" not in {running.name for running in threading.enumerate()}
