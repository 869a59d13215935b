import pytest

from appliance.servers.local_service.engines.base import UnknownEngineError
from appliance.servers.local_service.engines.wyoming.address import Address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("wyoming://whisper", Address("whisper", 10300)),
        ("wyoming://whisper:10301/", Address("whisper", 10301)),
        ("wyoming://[::1]:10301", Address("::1", 10301)),
        ("wyoming://whisper?language=de", Address("whisper", language="de")),
        (
            "wyoming://whisper:1?model=tiny&language=fr",
            Address("whisper", 1, model="tiny", language="fr"),
        ),
    ],
)
def test_a_url_is_parsed(url: str, address: Address) -> None:
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "wyoming:",
        "wyoming://",
        "wyoming://:10300",
        "wyoming://whisper:many",
        "wyoming://whisper:70000",
        "wyoming://whisper/path",
        "wyoming://whisper?speed=fast",
        "wyoming://whisper?language",
        "http://whisper:10300",
    ],
)
def test_a_bad_url_is_an_error_that_repeats_it(url: str) -> None:
    with pytest.raises(UnknownEngineError, match=r"no address") as caught:
        Address.parse(url)
    assert url in str(caught.value)


@pytest.mark.parametrize("url", ["wyoming://whisper:10300", "wyoming://[::1]:10301"])
def test_an_address_is_printed_as_its_url(url: str) -> None:
    assert str(Address.parse(url)) == url
