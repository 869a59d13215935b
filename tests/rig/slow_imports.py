"""Imports that take time, as on a small board, and a record of the threads that make them."""

import importlib.machinery
import sys
import threading
import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any


class SlowImports:
    """Finder that delays each import, and notes which ones two threads made at the same time.

    slow = SlowImports(seconds=0.03)
    slow.install()
    ...
    assert not slow.overlaps

    Args:
        seconds: delay of each import.

    Attributes:
        overlaps: a sentence for each import that began while another thread was importing.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._importing: list[tuple[int, str]] = []
        self._finding = threading.local()
        self.overlaps: list[str] = []

    def install(self) -> None:
        """Delay all imports from now on."""
        sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec that the other finders give, with a loader that takes its time."""
        finders = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in finders)
        spec = next(filter(None, found), None)
        if spec and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            self._delay(spec.loader, name)
        return spec

    def _delay(self, loader: Any, name: str) -> None:  # noqa: ANN401 - its method is replaced
        load = loader.exec_module

        def load_slowly(module: ModuleType) -> None:
            mine = threading.get_ident(), name
            with self._lock:
                others = [other for thread, other in self._importing if thread != mine[0]]
                if others:
                    self.overlaps.append(f"{name} while another thread loads {others[-1]}")
                self._importing.append(mine)
            try:
                time.sleep(self._seconds)
                load(module)
            finally:
                with self._lock:
                    self._importing.remove(mine)

        loader.exec_module = load_slowly
