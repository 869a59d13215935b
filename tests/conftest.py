import logging
import signal
from collections.abc import Iterator

import pytest
from gpiozero.pins.mock import MockFactory
from hypothesis import settings

from tests.rig.clock import Clock
from tests.rig.posted import Posted
from tests.rig.sound import PipeMicrophone

# How long an example takes says nothing on a busy machine.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")


# nohup(1) makes a program ignore that its terminal is closed, and so would all that tests start.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start the slow tests first, so that no worker is left with one at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Undo a command's set-up of the log, which would hide later tests' records from them."""
    root, urllib3 = logging.getLogger(), logging.getLogger("urllib3")
    handlers, level, urllib3_level = root.handlers[:], root.level, urllib3.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    urllib3.setLevel(urllib3_level)


@pytest.fixture(scope="session")
def sound() -> Iterator[PipeMicrophone]:
    """A microphone of this process's own, heard by real PyAudio."""
    with PipeMicrophone() as microphone:
        yield microphone


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def posted() -> Posted:
    return Posted()


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = MockFactory()
    yield factory
    factory.reset()
