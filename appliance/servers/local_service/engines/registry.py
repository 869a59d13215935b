"""The engines that can do the recognizing, by the names that `--engine` takes.

Each is an extra of its own: only the one that is asked for must be installed, and is imported.
"""
# ruff: noqa: PLC0415

from appliance.servers.local_service.engines.base import Engine, RecognizerPool, UnknownEngineError


def engine_named(name: str) -> Engine:
    """Return the engine that `--engine` names: "pocketsphinx" or "wyoming://HOST[:PORT]".

    Raises:
        UnknownEngineError: it names none, or one that is not installed.
    """
    try:
        if name == "pocketsphinx":
            from appliance.servers.local_service.engines.pocketsphinx import PocketsphinxRecognizer
            from appliance.servers.local_service.engines.subprocess_recognizer import (
                RecognizerProcess,
            )

            return RecognizerPool(lambda: RecognizerProcess(PocketsphinxRecognizer))
        if name.startswith("wyoming:"):
            from appliance.servers.local_service.engines.wyoming.engine import WyomingEngine

            return WyomingEngine(name)
    except ModuleNotFoundError as error:
        extra = "wyoming" if name.startswith("wyoming:") else "local"
        raise UnknownEngineError(
            f"The engine \"{name}\" needs {error.name}: pip install 'voice-appliance[{extra}]'"
        ) from error
    raise UnknownEngineError(
        f'There is no engine "{name}": choose pocketsphinx or wyoming://HOST:PORT'
    )
