"""Registry of the speech recognition engines.

Each engine is an optional extra of the package, and only the engine that is named gets imported.
"""

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from appliance.core.late_imports import import_lock
from appliance.servers.local_service.engines.base import Engine, UnknownEngineError


class Entry(NamedTuple):
    """A module below this package, its function that makes the engine, and its extra.

    The function is called with the name given to `--engine`, and may raise `UnknownEngineError`.
    """

    module: str
    maker: str
    extra: str


ENGINES = {
    "pocketsphinx": Entry("pocketsphinx", "pocketsphinx_engine", "local"),
    "wyoming://HOST:PORT": Entry("wyoming.engine", "wyoming_engine", "wyoming"),
}
"""Engines by what `--engine` takes: a word, or the form of an address."""


def engine_named(name: str) -> Engine:
    """Return the engine that `--engine` names.

    Raises:
        UnknownEngineError: there is no such engine, its address is wrong, or it is not installed.
    """
    form = next((form for form in ENGINES if _fits(name, form)), None)
    if form is None:
        raise UnknownEngineError(f'There is no engine "{name}": choose {" or ".join(ENGINES)}')
    module, maker, extra = ENGINES[form]
    try:
        with import_lock:
            loaded = import_module(f"{__package__}.{module}")
    except ModuleNotFoundError as error:
        others = " or ".join(other for other in ENGINES if other != form)
        raise UnknownEngineError(
            f"The engine \"{name}\" needs {error.name}: pip install 'voice-appliance[{extra}]', "
            f"or choose {others}"
        ) from error
    make: Callable[[str], Engine] = getattr(loaded, maker)
    return make(name)


def _fits(name: str, form: str) -> bool:
    scheme, is_address, _ = form.partition("://")
    return name.startswith(f"{scheme}:") if is_address else name == form
