"""An event loop on a thread of its own, for what goes on beside code that doesn't wait for it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class LoopThread:
    """Runs coroutines until it is closed; those that aren't done by then are cancelled."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._closed = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=name)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Begin a coroutine; what it brings is asked of the future, any time."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call(
        self, function: Callable[Arguments, object], *args: Arguments.args, **_: Arguments.kwargs
    ) -> None:
        """Call a function that doesn't block, in the loop, after all that was called before."""
        self._loop.call_soon_threadsafe(function, *args)

    def close(self) -> None:
        """Cancel what is still running and wait for the thread to end."""
        self.call(self._closed.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_closed())

    async def _until_closed(self) -> None:
        await self._closed.wait()
