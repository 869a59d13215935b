"""Commands and settings in the documents: the program understands them all."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from appliance.cli import main
from appliance.mqtt import discovery
from appliance.mqtt.topics import Topics
from appliance.settings import Settings, load
from appliance.settings.commands import BY_ACTION
from tests.docs.pages import PAGES, ROOT, blocks, code_spans, marked_block, rows, text_of

EXAMPLES = [(page, block) for page in PAGES for block in blocks(page, "toml")]

SECTIONS = {
    field.name: type(field.default)
    for field in msgspec.structs.fields(Settings)
    if isinstance(field.default, msgspec.Struct)
}


def in_backticks(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize(
    ("page", "example"), EXAMPLES, ids=[str(page.relative_to(ROOT)) for page, _ in EXAMPLES]
)
def test_an_example_of_settings_can_be_used(page: Path, example: str, tmp_path: Path) -> None:
    path = tmp_path / "appliance.toml"
    path.write_text(example, encoding="utf-8")
    assert load(path) != Settings()


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_of_a_section_is_explained_with_its_default(section: str) -> None:
    fields = msgspec.structs.fields(SECTIONS[section])
    table = {in_backticks(key)[0]: default for key, default, _ in rows("docs/settings.md", section)}
    assert set(table) == {field.name for field in fields}
    for field in fields:
        if field.default is not msgspec.NODEFAULT:
            written = table[field.name].strip("`")
            value = int(written, 16) if "0x" in written else json.loads(written)
            assert value == (list(field.default) if field.default == () else field.default)


def test_every_setting_outside_of_a_section_is_explained() -> None:
    keys = {in_backticks(row[0])[0] for row in rows("docs/settings.md", "General")}
    assert keys == set(Settings.__struct_fields__) - set(SECTIONS)


def test_every_action_is_explained() -> None:
    table = rows("docs/voice-commands.md", "Actions")
    assert {action for row in table for action in in_backticks(row[0])} == set(BY_ACTION)
    for row in table:
        for action in in_backticks(row[0]):
            keys = set(BY_ACTION[action].__struct_fields__) - {"phrase"}
            assert keys <= set(in_backticks(row[2]))


def test_every_command_is_explained() -> None:
    explained = {
        in_backticks(row[0])[0].split()[1] for row in rows("docs/operation.md", "Commands")
    }
    assert explained == {name for name, command in main.commands.items() if not command.hidden}


def test_the_mqtt_page_names_entities_and_topics_that_there_are() -> None:
    page = "docs/mqtt.md"
    code = "\n".join([*blocks(page, "yaml"), *blocks(page, "text"), *code_spans(page)])
    topics = Topics("kitchen", "homeassistant")
    card = json.loads(discovery.device(topics, ("turn on the lamp",), ("Anna",)))
    entities = {component["default_entity_id"] for component in card["components"].values()}
    named = set(re.findall(r"\b\w+\.appliance_kitchen_\w+", code))
    assert named
    assert named <= entities
    known = {topics.transcript, topics.state, topics.command, topics.event, topics.alert}
    named = set(re.findall(r"\bappliance/kitchen/\w+", code))
    assert named
    assert named <= known


@pytest.mark.parametrize(
    ("name", "program"),
    [("install", "token-server add kitchen"), ("tls", "token-server run")],
)
def test_the_blocks_that_a_machine_runs_are_marked(name: str, program: str) -> None:
    assert program in marked_block("docs/token-server.md", name)


def test_the_scripts_in_the_documents_exist() -> None:
    pages = "".join(text_of(page) for page in PAGES)
    named = set(re.findall(r"\./(scripts/[\w-]+)", pages))
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
