"""Signals that ask the program to end."""

import signal
import sys


def stop_signals() -> list[signal.Signals]:
    """Return SIGINT, SIGTERM, and SIGHUP for a closed terminal, unless nohup(1) ignores that."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    return numbers


def exit_on_stop_signals() -> None:
    """Exit with status 0 at each stop signal.

    While uvicorn serves, it handles SIGINT and SIGTERM itself, and raises them again after its
    shutdown. It knows no SIGHUP, so that becomes SIGTERM.
    """
    for number in stop_signals():
        signal.signal(number, lambda *_: sys.exit(0))
        if number == signal.SIGHUP:
            signal.signal(number, lambda *_: signal.raise_signal(signal.SIGTERM))
