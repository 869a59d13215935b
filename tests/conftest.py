from collections.abc import Iterator

import pytest

from tests.rig.sound import PipeMicrophone


@pytest.fixture(scope="session")
def sound() -> Iterator[PipeMicrophone]:
    """A microphone of this process's own, heard by real PyAudio."""
    with PipeMicrophone() as microphone:
        yield microphone
