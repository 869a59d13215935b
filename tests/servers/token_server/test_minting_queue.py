import asyncio
import threading

import pytest

from appliance.servers.token_server.minting_queue import AT_ONCE, MintingQueue
from appliance.servers.token_server.vendor import RefusalError, Token

TOKEN = Token("t", 60)


def outcome(result: object) -> object:
    return result.status if isinstance(result, RefusalError) else result


def test_many_at_once_are_all_served() -> None:
    async def ask() -> list[Token]:
        return await asyncio.gather(*(queue.token() for _ in range(300)))

    queue = MintingQueue(lambda: TOKEN)
    assert asyncio.run(ask()) == [TOKEN] * 300
    queue.close()


def test_a_refusal_comes_through() -> None:
    def refuse() -> Token:
        raise RefusalError(402, "No credit left")

    queue = MintingQueue(refuse)
    with pytest.raises(RefusalError, match="No credit left"):
        asyncio.run(queue.token())
    queue.close()


def test_of_a_vendor_that_hangs_everybody_is_told_and_no_thread_is_added() -> None:
    hanging, answered = threading.Semaphore(0), threading.Event()

    def hang() -> Token:
        hanging.release()
        answered.wait()
        return TOKEN

    async def ask() -> list[object]:
        asked = (queue.token() for _ in range(AT_ONCE * 2))
        return [outcome(result) for result in await asyncio.gather(*asked, return_exceptions=True)]

    queue = MintingQueue(hang, deadline=0.2)
    assert asyncio.run(ask()) == [504] * AT_ONCE * 2
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("mint")]
    assert len(threads) <= AT_ONCE
    answered.set()
    assert asyncio.run(queue.token()) == TOKEN  # it heals by itself
    queue.close()
    assert not any(thread.is_alive() for thread in threads)
