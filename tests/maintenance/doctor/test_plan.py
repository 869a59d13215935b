import pkgutil
from pathlib import Path

import pytest

from appliance.maintenance.doctor import checks
from appliance.maintenance.doctor.context import Context, Machine
from appliance.maintenance.doctor.plan import REGISTRY, plan
from tests.maintenance.programs import no_program

EVERYTHING = """
[service]
token_url = "https://tokens.example/token"
fallback_url = "ws://127.0.0.1:8765/v3/ws"
[light]
pin = 27
[mqtt]
host = "broker.example"
"""

OPTIONAL = ("light", "token DNS", "token TLS", "fallback", "MQTT")


def test_every_module_of_checks_is_in_the_registry() -> None:
    modules = {
        f"{checks.__name__}.{module.name}" for module in pkgutil.iter_modules(checks.__path__)
    }
    assert {function.__module__ for function in REGISTRY} == modules


@pytest.mark.parametrize("settings", ["", EVERYTHING])
def test_each_check_has_a_name_of_its_own_and_stands_behind_those_that_it_needs(
    tmp_path: Path, settings: str
) -> None:
    path = tmp_path / "appliance.toml"
    path.write_text(settings)
    machine = Machine(run=no_program, dev=tmp_path, sys=tmp_path, stores=())
    names: list[str] = []
    for check in plan(Context(path, machine)):
        assert check.name not in names
        assert check.needs.keys() <= set(names)
        names.append(check.name)
    assert {*OPTIONAL} & {*names} == ({*OPTIONAL} if settings else set())
