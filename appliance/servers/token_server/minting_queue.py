"""Tokens for all who ask at once: the vendor is asked in threads, and nobody waits for ever."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from appliance.servers.token_server.vendor import RefusalError, Token

AT_ONCE = 64
"""Requests under way to the vendor; with answers of 100 ms that is 640 tokens a second."""

DEADLINE = 6.5
"""Seconds until an answer, with the wait for a thread; an appliance gives up after 8."""


class MintingQueue:
    """Mints in up to 64 threads "mint", which it owns; `close` ends them."""

    def __init__(self, mint: Callable[[], Token], deadline: float = DEADLINE) -> None:
        self._mint = mint
        self._deadline = deadline
        # Their queue holds no more than there may be connections, since each asks once.
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="mint")

    async def token(self) -> Token:
        """Return a new token.

        Raises:
            RefusalError: the vendor gave none, or not in time.
        """
        asking = asyncio.get_running_loop().run_in_executor(self._threads, self._mint)
        try:
            return await asyncio.wait_for(asking, self._deadline)
        except TimeoutError:
            # The thread goes on until its own time-out, so there are never more than AT_ONCE.
            raise RefusalError(504, "Service is too slow", "no token in time") from None

    def close(self) -> None:
        """End the threads; those amid a request take its time-out at most."""
        self._threads.shutdown(cancel_futures=True)
