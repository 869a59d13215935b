import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.servers.token_server.register import Register, RegisterError, register_path

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "appliances.json"


@pytest.fixture
def register(path: Path) -> Register:
    return Register(path, clock=lambda: NOON)


def names(register: Register) -> list[str]:
    register.refresh()
    return [appliance.name for appliance in register.appliances]


def test_without_a_file_there_are_no_appliances(register: Register) -> None:
    assert names(register) == []
    assert register.name_of("") is None


def test_a_secret_has_the_name_of_its_appliance(register: Register) -> None:
    kitchen, workshop = register.add("kitchen"), register.add("workshop")
    register.refresh()
    assert register.name_of(kitchen) == "kitchen"
    assert register.name_of(workshop) == "workshop"


@pytest.mark.parametrize("wrong", ["", "kitchen", "Ä" * 43, "\xff\x00"])
def test_a_wrong_secret_has_no_name(register: Register, wrong: str) -> None:
    secret = register.add("kitchen")
    register.refresh()
    assert register.name_of(wrong) is None
    assert register.name_of(secret[:-1]) is None
    assert register.name_of(register.appliances[0].sha256) is None


def test_the_file_has_hashes_alone_and_only_its_owner_can_read_it(
    register: Register, path: Path
) -> None:
    secret = register.add("kitchen")
    (kept,) = json.loads(path.read_text())["appliances"]
    assert kept["name"] == "kitchen"
    assert datetime.fromisoformat(kept["added"]) == NOON
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_secrets_are_long_and_different(register: Register) -> None:
    given = {register.add(f"box-{number}") for number in range(20)}
    assert len(given) == 20
    assert all(len(secret) == 43 for secret in given)  # 256 bits, 6 a character


def test_a_removed_appliance_has_no_name(register: Register) -> None:
    secret, other = register.add("kitchen"), register.add("workshop")
    register.remove("kitchen")
    assert names(register) == ["workshop"]
    assert register.name_of(secret) is None
    assert register.name_of(other) == "workshop"


def test_refresh_reads_the_changes_of_another_process(path: Path) -> None:
    owner, server = Register(path), Register(path)
    assert names(server) == []
    owner.add("kitchen")
    assert names(server) == ["kitchen"]
    owner.add("workshop")
    assert names(server) == ["kitchen", "workshop"]
    owner.remove("kitchen")
    owner.remove("workshop")
    assert names(server) == []


def test_a_name_can_be_added_only_once(register: Register) -> None:
    register.add("kitchen")
    with pytest.raises(RegisterError, match="There is an appliance kitchen already"):
        register.add("kitchen")
    assert names(register) == ["kitchen"]


@pytest.mark.parametrize("name", ["", "-v", "a b", "a\nb", "küche", "x" * 64, "../x", "a\n"])
def test_a_name_that_could_garble_the_log_is_refused(register: Register, name: str) -> None:
    with pytest.raises(ValueError, match="is no name"):
        register.add(name)


def test_an_unknown_appliance_can_not_be_removed(register: Register) -> None:
    register.add("kitchen")
    with pytest.raises(RegisterError, match="There is no appliance workshop"):
        register.remove("workshop")


def test_concurrent_additions_are_all_kept(path: Path) -> None:
    wanted = [f"box-{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: Register(path).add(name), wanted))
    assert sorted(names(Register(path))) == sorted(wanted)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"appliances": [{"name": "kitchen"}]}'])
def test_a_damaged_file_keeps_the_known_appliances(
    register: Register, path: Path, damage: str
) -> None:
    secret = register.add("kitchen")
    register.refresh()
    path.write_text(damage)
    with pytest.raises(RegisterError, match="is damaged"):
        register.refresh()
    assert register.name_of(secret) == "kitchen"


def test_a_missing_file_keeps_the_known_appliances(register: Register, path: Path) -> None:
    secret = register.add("kitchen")
    register.refresh()
    kept = path.rename(path.with_suffix(".away"))
    with pytest.raises(RegisterError, match="is gone"):
        register.refresh()
    assert register.name_of(secret) == "kitchen"
    kept.rename(path)
    assert names(register) == ["kitchen"]


def test_a_damaged_file_is_not_overwritten(register: Register, path: Path) -> None:
    register.add("kitchen")
    path.write_text("{")
    with pytest.raises(RegisterError, match="is damaged"):
        register.add("workshop")
    assert path.read_text() == "{"


def test_a_folder_that_can_not_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RegisterError, match="can't be written: "):
        Register(tmp_path / "file" / "appliances.json").add("kitchen")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_service_can_read_what_root_adds(register: Register, path: Path) -> None:
    path.parent.mkdir()
    os.chown(path.parent, 4321, 4321)
    register.add("kitchen")
    assert (path.stat().st_uid, path.stat().st_gid) == (4321, 4321)


def test_the_default_path_of_the_register(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert register_path() == Path("/var/lib/appliance-token-server/appliances.json")
    monkeypatch.setenv("STATE_DIRECTORY", "/somewhere")
    assert register_path() == Path("/somewhere/appliances.json")
