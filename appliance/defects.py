"""What nobody foresaw: an error that ends a thread must not leave a box that only looks alive."""

import logging
import threading

from appliance.events import DefectFound, Post

log = logging.getLogger(__name__)


def tell(post: Post, found: threading.Event) -> None:
    """From now on, when an error ends any thread, log it, set `found` and post `DefectFound`."""

    def hook(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else "a thread"
        log.critical("a defect in the thread %s; ending", name, exc_info=args.exc_value)
        found.set()
        post(DefectFound())

    threading.excepthook = hook
