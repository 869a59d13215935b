import pytest
from starlette.requests import HTTPConnection

from appliance.services.admission import Admission, usual_limit
from appliance.services.wire import RefusedError


def handshake(authorization: str = "", query: str = "") -> HTTPConnection:
    headers = [(b"authorization", authorization.encode())] if authorization else []
    return HTTPConnection({"type": "websocket", "headers": headers, "query_string": query.encode()})


@pytest.mark.parametrize("shown", ["right", "Bearer right"])
def test_a_key_is_taken_with_and_without_its_scheme(shown: str) -> None:
    assert Admission(["right"]).has_key(handshake(shown))
    assert not Admission(["wrong"]).has_key(handshake(shown))


def test_without_keys_any_will_do_but_one_there_must_be() -> None:
    admission = Admission()
    assert admission.is_open
    assert admission.has_key(handshake("whatever"))
    assert not admission.has_key(handshake())


def test_a_token_is_taken_from_the_query_or_the_header() -> None:
    admission = Admission(["right"])
    token = admission.tokens.issue(60, 100)
    assert admission.lifetime(handshake(query=f"token={token}")) == 100
    token = admission.tokens.issue(60, 200)
    assert admission.lifetime(handshake(token)) == 200


@pytest.mark.parametrize("shown", ["", "wrong"])
def test_a_stranger_is_refused(shown: str) -> None:
    with pytest.raises(RefusedError) as caught:
        Admission(["right"]).lifetime(handshake(shown))
    assert caught.value.code == 1008


def test_there_are_so_many_places_and_each_is_free_again_at_the_end() -> None:
    admission = Admission(limit=2)
    with admission.place():
        with admission.place():
            with pytest.raises(RefusedError, match="there is room for 2") as caught:
                admission.place().__enter__()
            assert caught.value.code == 3009
        with pytest.raises(ZeroDivisionError), admission.place():
            _ = 1 / 0
        with admission.place():
            pass


def test_the_smallest_machine_has_four_places() -> None:
    assert usual_limit() >= 4
