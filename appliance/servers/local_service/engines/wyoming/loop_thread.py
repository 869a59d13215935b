"""Event loop on a thread of its own, for blocking code that has coroutines run beside it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class LoopThread:
    """An event loop on a thread; it runs until it is closed, and cancels what is left then."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._closed = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=name)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Start a coroutine; return the future of its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call(
        self, function: Callable[Arguments, object], *args: Arguments.args, **_: Arguments.kwargs
    ) -> None:
        """Call a function that does not block on the loop, in the order of the calls."""
        self._loop.call_soon_threadsafe(function, *args)

    def close(self) -> None:
        """Cancel the running coroutines, and wait for the thread to end."""
        self.call(self._closed.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_closed())

    async def _until_closed(self) -> None:
        await self._closed.wait()
