from tests.benchmarks.token_load import status_of
from tests.benchmarks.tokens import cut_row


def test_where_nobody_was_served_there_is_no_figure() -> None:
    assert cut_row("dark", [])[1:] == ("0", "nan s", "nan s", "nan s", "0")


def test_an_answer_counts_when_there_is_a_token_in_it() -> None:
    assert status_of(b'HTTP/1.1 200 OK\r\nA: b\r\n\r\n{"token": "t"}') == 200
    assert status_of(b'HTTP/1.1 200 OK\r\n\r\n{"error": "t"}') == 0
    assert status_of(b'HTTP/1.1 429 Too Many Requests\r\n\r\n{"error": "t"}') == 429
    assert status_of(b"") == status_of(b"SSH-2.0 hello there\r\n\r\n") == 0
