"""Values put into a settings file leave all else as it was."""

import importlib.util
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]

spec = importlib.util.spec_from_file_location("put_in", ROOT / "scripts/install.d/put_in.py")
assert spec
assert spec.loader
put_in = importlib.util.module_from_spec(spec)
spec.loader.exec_module(put_in)

DEFAULTS = (ROOT / "appliance" / "settings" / "appliance.toml").read_text(encoding="utf-8")


def test_a_line_takes_the_place_of_the_one_for_the_same_key() -> None:
    changed = put_in.put_in(DEFAULTS, "microphone", "device", "usb")
    different = [
        pair
        for pair in zip(DEFAULTS.splitlines(), changed.splitlines(), strict=True)
        if pair[0] != pair[1]
    ]
    assert different == [('device = ""', 'device = "usb"')]


@given(url=st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_text_is_read_again_as_it_was(url: str) -> None:
    changed = put_in.put_in(DEFAULTS, "service", "token_url", url)
    assert tomllib.loads(changed)["service"]["token_url"] == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[service]",
        "[ service ] # mine\nurl = 'ws://x'\n[display]\nlines = 2",
        "[display]\nlines=2",
    ],
)
def test_a_missing_line_or_section_is_added(text: str) -> None:
    changed = put_in.put_in(text, "service", "token_url", "http://x")
    expected = tomllib.loads(text)
    expected.setdefault("service", {})["token_url"] = "http://x"
    assert tomllib.loads(changed) == expected


@pytest.mark.parametrize(
    "text", ["service = { url = 'ws://x' }", "service.url = 'ws://x'", "[broken"]
)
def test_what_lines_do_not_show_is_left_to_its_owner(text: str) -> None:
    with pytest.raises(put_in.UnfitFileError):
        put_in.put_in(text, "service", "token_url", "http://x")
