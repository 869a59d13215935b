"""The engines that can do the recognizing, by the names that `--engine` takes.

Each is an extra of its own: only the one that is asked for must be installed, and is imported.
"""
# ruff: noqa: PLC0415

from typing import Protocol

from appliance.services.recognizer import Recognizer, RecognizerPool


class UnknownEngineError(Exception):
    """There is no such engine; the message says which there are."""


class Engine(Protocol):
    """Where sessions get their recognizers."""

    def warm_up(self) -> None:
        """Make ready what can be, so that the first session need not wait.

        Raises:
            RecognizerError: it can't be used now; it may be later.
        """

    def lend(self) -> Recognizer:
        """Return a recognizer for one session's own use.

        Raises:
            RecognizerError: it can't be used now; it may be later.
        """

    def take_back(self, recognizer: Recognizer) -> None:
        """Take a recognizer that was lent; what it was still hearing is forgotten."""

    def close(self) -> None:
        """Give back what is held for sessions to come; all recognizers have come back."""


def engine_named(name: str) -> Engine:
    """Return the engine that `--engine` names: "pocketsphinx" or "wyoming://HOST[:PORT]".

    Raises:
        UnknownEngineError: it names none, or one that is not installed.
    """
    try:
        if name == "pocketsphinx":
            from appliance.services.pocketsphinx_engine import PocketsphinxRecognizer
            from appliance.services.recognizer_process import RecognizerProcess

            return RecognizerPool(lambda: RecognizerProcess(PocketsphinxRecognizer))
        if name.startswith("wyoming:"):
            from appliance.services.wyoming_engine import WyomingEngine

            return WyomingEngine(name)
    except ModuleNotFoundError as error:
        extra = "wyoming" if name.startswith("wyoming:") else "local"
        raise UnknownEngineError(
            f"The engine \"{name}\" needs {error.name}: pip install 'voice-appliance[{extra}]'"
        ) from error
    raise UnknownEngineError(
        f'There is no engine "{name}": choose pocketsphinx or wyoming://HOST:PORT'
    )
