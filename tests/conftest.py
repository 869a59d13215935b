from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.rig.sound import PipeMicrophone

# How long an example takes says nothing on a busy machine.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")


@pytest.fixture(scope="session")
def sound() -> Iterator[PipeMicrophone]:
    """A microphone of this process's own, heard by real PyAudio."""
    with PipeMicrophone() as microphone:
        yield microphone
