"""Lock for late imports: modules that threads load while the program runs.

Python detects a deadlock when two threads import modules that need each other, and lets one of the
threads go on with a module that is only half loaded: `ImportError: ... partially initialized
module`. So one thread imports at a time, and the others wait for it.
"""

import threading

import_lock = threading.RLock()
"""Held around every import that is not made while the program starts.

    with import_lock:
        import requests

Nothing but imports may be done under it. `tests/test_imports.py` finds an import without it.
"""
