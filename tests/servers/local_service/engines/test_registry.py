import sys

import pytest

from appliance.servers.local_service.engines.base import UnknownEngineError
from appliance.servers.local_service.engines.recognizer_pool import RecognizerPool
from appliance.servers.local_service.engines.registry import ENGINES, engine_named
from appliance.servers.local_service.engines.wyoming.engine import WyomingEngine


def test_pocketsphinx_has_a_pool() -> None:
    assert isinstance(engine_named("pocketsphinx"), RecognizerPool)


def test_a_wyoming_server_is_named_by_its_address() -> None:
    assert isinstance(engine_named("wyoming://whisper:10300"), WyomingEngine)


@pytest.mark.parametrize("name", ["", "ear", "http://whisper:10300", "wyoming", "Pocketsphinx"])
def test_an_unknown_engine_is_an_error_with_those_there_are(name: str) -> None:
    with pytest.raises(UnknownEngineError) as caught:
        engine_named(name)
    assert str(caught.value) == f'There is no engine "{name}": choose {" or ".join(ENGINES)}'
    assert {"pocketsphinx", "wyoming://HOST:PORT"} <= set(ENGINES)


def test_a_line_in_the_registry_adds_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "sphinx", ENGINES["pocketsphinx"])
    assert isinstance(engine_named("sphinx"), RecognizerPool)
    with pytest.raises(UnknownEngineError, match=r"or sphinx$"):
        engine_named("ear")


def test_a_bad_address_is_an_error_with_the_right_form() -> None:
    with pytest.raises(UnknownEngineError, match="write wyoming://HOST:PORT"):
        engine_named("wyoming:10300")


def test_a_missing_engine_is_an_error_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "appliance.servers.local_service.engines.wyoming.engine")
    monkeypatch.delitem(
        sys.modules, "appliance.servers.local_service.engines.wyoming.client", raising=False
    )
    monkeypatch.setitem(sys.modules, "wyoming.asr", None)
    with pytest.raises(UnknownEngineError, match=r"needs wyoming.*\[wyoming\].* pocketsphinx"):
        engine_named("wyoming://whisper:10300")
