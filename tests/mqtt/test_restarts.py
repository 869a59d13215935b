"""A program that is cut off in the middle: history, client and broker are all real."""

import contextlib
import functools
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.history import reader
from tests.mqtt.broker import Broker, Listener
from tests.rig.proxy import Proxy
from tests.rig.waiting import wait_until

ROOT = Path(__file__).parents[2]

TURNS = 50


@contextlib.contextmanager
def publisher(
    database: Path, port: int, first: int, last: int
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program that publishes these turns; kill it at the end."""
    program = [sys.executable, "-m", "tests.mqtt.publisher"]
    running = subprocess.Popen([*program, *map(str, (database, port, first, last))], cwd=ROOT)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


@pytest.mark.slow
def test_turns_outlast_a_program_that_is_killed(
    tmp_path: Path, broker: Broker, listener: Listener
) -> None:
    database, kills = tmp_path / "history.db", 4
    share = TURNS // (kills + 1)
    for kill in range(kills):
        with publisher(database, broker.port, kill * share + 1, (kill + 1) * share):
            listener.wait_for("/transcript", kill * share + share // 2)
            wait_until(functools.partial(has_kept, database, (kill + 1) * share))
    with publisher(database, broker.port, kills * share + 1, TURNS):
        wait_until(lambda: said(listener)[-1:] == [f"Turn {TURNS}."])
        wait_until(lambda: reader.outgoing_turns(database) == [])
    ids = [message.value["id"] for message in listener.on("/transcript")]
    assert said(listener) == [f"Turn {number}." for number in range(1, TURNS + 1)]
    # Killed between an acknowledgement and its note on disk, a program can't know of it.
    assert len(ids) <= TURNS + kills


@pytest.mark.slow
def test_turns_outlast_program_and_broker(
    tmp_path: Path, broker: Broker, listener: Listener
) -> None:
    database = tmp_path / "history.db"
    with publisher(database, broker.port, 1, 20):
        listener.wait_for("/transcript", 5)
        broker.stop()
        wait_until(lambda: has_kept(database, 20))
    with publisher(database, broker.port, 21, 40):
        wait_until(lambda: has_kept(database, 40))
        broker.start()
        wait_until(lambda: reader.outgoing_turns(database) == [], within=60)
    listener.wait_for("/transcript", 40)
    assert said(listener) == [f"Turn {number}." for number in range(1, 41)]


@pytest.mark.slow
def test_turns_outlast_a_program_that_is_stopped_for_long(
    tmp_path: Path, broker: Broker, listener: Listener
) -> None:
    database = tmp_path / "history.db"
    with (
        Proxy(broker.port) as network,
        publisher(database, network.port, 1, TURNS) as program,
    ):
        listener.wait_for("/transcript", 5)
        program.send_signal(signal.SIGSTOP)
        network.cut()  # as the broker does when it hears nothing
        program.send_signal(signal.SIGCONT)
        wait_until(lambda: said(listener)[-1:] == [f"Turn {TURNS}."])
        wait_until(lambda: reader.outgoing_turns(database) == [])
    assert said(listener) == [f"Turn {number}." for number in range(1, TURNS + 1)]
    # Cut off between a message and its acknowledgement, nobody can know.
    assert len(listener.on("/transcript")) <= TURNS + 1


@pytest.mark.slow
def test_a_history_that_is_deleted_while_turns_come_mixes_nothing_up(
    tmp_path: Path, broker: Broker, listener: Listener
) -> None:
    database = tmp_path / "history.db"
    with publisher(database, broker.port, 1, TURNS):
        listener.wait_for("/transcript", 5)
        for file in tmp_path.glob("history.db*"):
            file.unlink()
        wait_until(lambda: said(listener)[-1:] == [f"Turn {TURNS}."])
        wait_until(lambda: reader.outgoing_turns(database) == [])
    published = [message.value for message in listener.on("/transcript")]
    numbers = [int(turn["text"].strip(".").partition(" ")[2]) for turn in published]
    assert [turn["id"] for turn in published] == [f"s1-0-{number}" for number in numbers]
    # What was still to be sent is gone with the history; nothing is out of order, or twice.
    assert numbers == sorted(set(numbers))


def has_kept(database: Path, count: int) -> bool:
    """Return whether so many turns are on disk as they stay."""
    turns = [turn for session in reader.sessions(database) for turn in session.turns]
    return sum(turn.text.endswith(".") for turn in turns) == count


def said(listener: Listener) -> list[str]:
    """Return what was published, in the order in which it was first."""
    by_id = {
        message.value["id"]: message.value["text"]
        for message in reversed(listener.on("/transcript"))
    }
    return list(reversed(by_id.values()))
