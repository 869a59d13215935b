"""Signals that ask the program to end."""

import signal


def stop_signals() -> list[signal.Signals]:
    """Return SIGINT, SIGTERM, and SIGHUP for a closed terminal, unless nohup(1) ignores that."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    return numbers
