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
