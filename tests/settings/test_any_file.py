"""Any file: it is loaded or refused in a sentence, within bounds of time, memory and text."""

import os
import tomllib
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.settings import Settings, SettingsError, last_good, load
from appliance.settings.commands import BY_ACTION
from appliance.settings.limits import MAX_DEPTH, MAX_SIZE, problem_of_nesting
from appliance.settings.load import contents, parse
from appliance.settings.validation import MAX_PROBLEMS
from tests.settings.files import Write, problems_of

PATH = Path("/etc/appliance/appliance.toml")

VALUES = st.recursive(
    st.one_of(
        st.text(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.datetimes(),
        st.dates(),
        st.times(),
        st.sampled_from(["/", "/dev/null", "/a\0b", "wss://[::1/", "ws://a..b", "http://a:99999/"]),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)


def _section(type_: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    names = [field.name for field in msgspec.structs.fields(type_)]
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=5), VALUES, max_size=4)


COMMANDS = st.lists(
    st.fixed_dictionaries(
        {"action": st.sampled_from([*BY_ACTION]), "phrase": st.text() | st.lists(st.text())},
        optional=dict.fromkeys(("pin", "state", "seconds", "topic", "payload", "url", "x"), VALUES),
    ),
    max_size=3,
)

TABLES = st.fixed_dictionaries(
    {},
    optional={
        field.name: _section(field.type) if isinstance(field.type, type) else VALUES
        for field in msgspec.structs.fields(Settings)
    }
    | {"commands": COMMANDS | VALUES, "unknown": VALUES},
)


def as_toml(value: Any) -> str:  # noqa: ANN401 - anything that TOML can hold
    """Return a value as TOML on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(it):08x}" for it in value) + '"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_toml(key)} = {as_toml(it)}" for key, it in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    return str(value)


def file_of(table: dict[str, Any]) -> bytes:
    return "\n".join(f"{key} = {as_toml(value)}" for key, value in table.items()).encode()


def check(data: bytes) -> Settings | None:
    """Return the settings that these bytes are; None after a refusal in sentences."""
    try:
        return parse(data, PATH)
    except SettingsError as error:
        problems = error.problems
    assert problems
    for problem in problems:
        assert len(problem) < 1000
        assert problem.isprintable()
    return None


@given(st.binary())
@example(b"\xef\xbb\xbf")
@example(b"\0" * 4096)
@example(b"a = 1979-05-32")
@example(b"a = 25:61:61")
def test_any_bytes(data: bytes) -> None:
    check(data)


@given(st.text(alphabet="[]{}.,=\"'#\\\n\r\t -+_ae0x19:T", max_size=200))
def test_any_punctuation(text: str) -> None:
    check(text.encode())


@given(TABLES)
def test_any_values(table: dict[str, Any]) -> None:
    if settings := check(file_of(table)):
        data = msgspec.json.encode(settings)
        assert msgspec.json.decode(data, type=Settings) == settings


@pytest.mark.parametrize(
    "text",
    [
        'a = """[[[[[[[[[[[[[[[[[[[["""',
        'a = """"[[[[[[[[[[[[[[[[[[[[""""',
        "a = QQQ[[[[[[[[[[[[[[[[[[[[QQQQ",
        'a = "#[[[[[[[[[[[[[[[[[[[[" # "',
        "a = 1 # [[[[[[[[[[[[[[[[[[[[",
        r'a = "\"[[[[[[[[[[[[[[[[[[[["',
    ],
)
def test_brackets_in_words_open_nothing(text: str) -> None:
    text = text.replace("Q", "'")
    assert tomllib.loads(text)
    assert problem_of_nesting(text) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[display]\nlines = " + "1" * 5000, "is not valid TOML: a number has too many digits"),
        ("[display]\nlines = 0x" + "f" * 5000, "display.lines is too large a number"),
        ("[microphone]\ndevice = 99999999999999", "microphone.device = 99999999999999 is not"),
        ("[microphone]\ndevice = -1", "microphone.device = -1 is not allowed"),
        ("[history]\nkeep_days = 99999999999", "history.keep_days = 99999999999 is not"),
        ('[history]\npath = "/a\\u0000b"', 'history.path = "/a\\x00b" is not allowed'),
        ('[history]\npath = "/a\\n"', 'history.path = "/a\\n" is not allowed'),
        (f'[history]\npath = "/{"a" * 300}"', "history.path = "),
        ("[history]\npath = '/dev/null'", "it is no regular file"),
        ("[history]\npath = '/tmp/'", "it is no regular file"),
        ("[service]\napi_key_file = '/dev/zero'", "it is no regular file"),
        ("[service]\nca_file = '/etc'", "it is no regular file"),
        ("[display]\nfont = '/dev/tty'", "it is no regular file"),
        ("[history]\npath = '/proc/self/mem'", "it leads into /proc, which keeps no files"),
        ("[history]\npath = '/sys/history.db'", "it leads into /sys, which keeps no files"),
        ("[history]\npath = '/tmp/../dev/x.db'", "it leads into /dev, which keeps no files"),
        ("[mqtt]\npassword_file = '/proc/version'", "it leads into /proc, which keeps no files"),
        ("[history]\npath = '/a/last-good-settings.json'", "keeps something else there"),
        ("[mqtt]\nhost = 'a..b'", "its host or port can't be used"),
        (f"[mqtt]\nhost = '{'a' * 64}'", "its host or port can't be used"),
        ("[service]\nurl = 'ws://a:65536/'", "its host or port can't be used"),
        ("[service]\nurl = 'ws://a\t/'", 'service.url = "ws://a\\t/" is not allowed'),
        ('[service]\nurl = "ws://a/\\rx"', "service.url = "),
        ("[service]\ntoken_url = 'http://[x'", "its host or port can't be used"),
        ("[service.parameters]\nspeed = inf", "service.parameters.speed = inf is not allowed"),
        ("[service]\nparameters = {" + "a." * 5000 + "a = 1}", "within each other"),
        ("a = " + "[" * 5000, "too many tables or lists within each other"),
        ("a = " + "[" * MAX_DEPTH + "[]" + "]" * MAX_DEPTH, "within each other"),
        ("a = '#[[' # [[\nb = " + "[" * 5000, "too many tables or lists within each other"),
        ('a = "\\"[" + ' + "{" * 5000, "is not valid TOML"),
        ('"\\' * 60_000, "is not valid TOML"),
        ('"""\\' * 30_000, "is not valid TOML"),
        ("a." * 30_000 + "a = 1", "is not valid TOML: a key has too many parts"),
        ('[[ \'a\' . "b\\"" .' + "a." * 10_000 + "a]]", "a key has too many parts"),
        ("commands_prefix = '" + "a" * 60_000 + "['", "commands_prefix = "),
        ("a" * 60_000 + " = 1", "unknown key aaa"),
        ("\n".join(f"k{it} = 1" for it in range(8000)), "unknown key k0"),
        (
            "".join(
                f"[[commands]]\nphrase = 'a{it} [b] [c] [d] [e] [f] [g]'\naction = 'stop'\n"
                for it in range(1000)
            ),
            "the commands can be said in more than 5000 ways",
        ),
        ("#" * (MAX_SIZE + 1), "is larger than 128 KiB"),
    ],
    ids=range(39),
)
def test_what_exceeds_a_limit_is_refused_in_a_sentence(
    write: Write, text: str, problem: str
) -> None:
    path = write(text)
    tracemalloc.start()
    try:
        found = problems_of(path)
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024**2
    finally:
        tracemalloc.stop()
    assert problem in found[0]
    assert len(found) <= MAX_PROBLEMS
    assert all(len(it) < 1000 for it in found)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "link in a circle"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "appliance.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)
    assert problems_of(path)[0].startswith("can't be read: ")


def test_a_link_to_a_file_is_followed(tmp_path: Path, write: Write) -> None:
    (tmp_path / "link").symlink_to(write("name = 'box'"))
    assert load(tmp_path / "link").name == "box"
    assert contents(tmp_path / "link") == b"name = 'box'"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "appliance.toml"
    path.write_bytes(b"\xef\xbb\xbfname = 'box'")
    assert load(path).name == "box"


@given(st.binary())
@example(b"[" * 100_000)
@example(b'{"x":' * 100_000)
@example(b'{"display": {"lines": ' + b"1" * 5000 + b"}}")
def test_any_copy_of_the_last_good_ones(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("state", numbered=True)
    (folder / last_good.NAME).write_bytes(data)
    assert isinstance(last_good.load(folder), last_good.GoodSettings | None)


def test_a_file_that_holds_something_else_is_no_history(tmp_path: Path) -> None:
    """To set it aside, as a damaged database, would take it from whoever needs it."""
    path = tmp_path / "appliance.toml"
    path.write_text(f'[history]\npath = "{path}"')
    with pytest.raises(SettingsError, match="it holds something else than a database"):
        load(path)
    (tmp_path / "said").touch()
    (tmp_path / "said.db").write_bytes(b"no database")
    for name in ("said", "said.db", "not there"):
        path.write_text(f'[history]\npath = "{tmp_path}/{name}"')
        assert load(path).history.path == f"{tmp_path}/{name}"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_lies_in_the_databases_place_is_no_mistake_of_the_settings(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """It is set aside; a folder that is no database's by its name could be anything."""
    make(tmp_path / "history.db")
    make(tmp_path / "said")
    parse(f'[history]\npath = "{tmp_path}/history.db"'.encode(), Path("/file"))
    with pytest.raises(SettingsError, match="it is no regular file"):
        parse(f'[history]\npath = "{tmp_path}/said"'.encode(), Path("/file"))
    with pytest.raises(SettingsError, match="it is no regular file"):
        parse(f'[service]\nca_file = "{tmp_path}/history.db"'.encode(), Path("/file"))
