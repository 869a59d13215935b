"""What nobody foresaw: an error that ends a thread must not leave a box that only looks alive."""

import logging
import os
import threading

from appliance.core.events import Post, UnhandledError

log = logging.getLogger(__name__)

LONGEST_END = 15.0
"""Seconds to end what still can be ended, before the program ends without the rest."""


def tell(post: Post, found: threading.Event) -> None:
    """From now on, when an error ends any thread, log it, set `found` and post `UnhandledError`."""

    def hook(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else "a thread"
        log.critical("a defect in the thread %s; ending", name, exc_info=args.exc_value)
        found.set()
        post(UnhandledError())

    threading.excepthook = hook


def end_soon(seconds: float = LONGEST_END) -> None:
    """End the program after so many seconds, even if a thread can't be ended.

    A thread that hangs in a driver would keep it from ending for ever; systemd starts it afresh.
    """
    timer = threading.Timer(seconds, _end_now)
    timer.name, timer.daemon = "last resort", True
    timer.start()


def _end_now() -> None:
    log.critical("a thread can't be ended; ending the program without it")
    logging.shutdown()
    os._exit(1)
