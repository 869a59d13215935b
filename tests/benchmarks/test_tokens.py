import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.benchmarks.power_cut import Served, all_at_once
from tests.benchmarks.token_load import Load, load, status_of
from tests.benchmarks.token_stage import Stage, household, stage
from tests.benchmarks.token_vendor import Script, has_room
from tests.benchmarks.tokens import cut_row, load_row
from tests.rig.service import ScriptedService


def test_the_tables_say_what_was_measured() -> None:
    done = Load([0.1, 0.2, 0.3, 0.4], failed=1, seconds=2.0)
    row = load_row("https", 16, done, cpu=0.01, memory=34.4)
    assert row == ("https", "16", "2", "200 ms", "400 ms", "1", "2.5 ms each", "34 MB")
    served = [Served(1.0, 1), Served(3.0, 4), Served(2.0, 2)]
    assert cut_row("all is there", served)[1:] == ("3", "2.0 s", "3.0 s", "3.0 s", "4")


def test_where_nobody_was_served_there_is_no_figure() -> None:
    assert cut_row("dark", [])[1:] == ("0", "nan s", "nan s", "nan s", "0")


def test_an_answer_counts_when_there_is_a_token_in_it() -> None:
    assert status_of(b'HTTP/1.1 200 OK\r\nA: b\r\n\r\n{"token": "t"}') == 200
    assert status_of(b'HTTP/1.1 200 OK\r\n\r\n{"error": "t"}') == 0
    assert status_of(b'HTTP/1.1 429 Too Many Requests\r\n\r\n{"error": "t"}') == 429
    assert status_of(b"") == status_of(b"SSH-2.0 hello there\r\n\r\n") == 0


def test_the_vendor_gives_so_many_tokens_a_minute() -> None:
    script = Script(port=0, per_minute=2)
    asked: list[float] = []
    moments = (0.0, 1.0, 2.0, 59.0, 60.5, 60.6, 61.5)
    given = [has_room(script, asked, moment) for moment in moments]
    assert given == [True, True, False, False, True, False, True]


def test_appliances_come_again_until_they_are_served(tmp_path: Path) -> None:
    with ScriptedService() as service:
        service.token_down_for()
        port = urlsplit(service.token_url).port or 0
        healing = threading.Timer(0.5, service.token_up)
        healing.start()
        served = all_at_once(Stage(port, ""), ("a", "b", "c"), tmp_path)
        healing.join()
        assert len(service.tokens) == 3
    assert len(served) == 3
    assert min(one.tries for one in served) > 1


def test_who_is_never_served_is_missing(tmp_path: Path) -> None:
    with ScriptedService() as service:
        service.token_down_for()
        port = urlsplit(service.token_url).port or 0
        assert all_at_once(Stage(port, ""), ("a", "b"), tmp_path, within=0.1) == []


@pytest.mark.slow
def test_server_and_vendor_run_beside_the_load(tmp_path: Path) -> None:
    home = household(tmp_path, 3)
    with stage(tmp_path, home, delay=0.0) as server:
        done = load(server, home.secrets, clients=2, seconds=0.2)
        assert done.delays
        assert not done.failed
        assert len(all_at_once(server, home.secrets, tmp_path)) == 3
