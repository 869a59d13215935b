import contextlib
import os
from pathlib import Path

import pytest

from appliance.settings import Settings, SettingsError, last_good
from appliance.settings.last_good import GoodSettings, load_whole
from appliance.settings.load import parse
from appliance.settings.schema import ButtonSettings, ServiceSettings
from appliance.system.files import Disk
from tests.streaming.spool import trees

SETTINGS = GoodSettings(
    Settings(
        name="kitchen",
        button=ButtonSettings(pin=22),
        service=ServiceSettings(
            parameters={"speech_model": "m", "keyterms_prompt": ["Grünkohl"], "vad_threshold": 0.5}
        ),
    ),
    b'name = "kitchen"',
)


class Counted(Disk):
    renamed = 0

    def rename(self, old: Path, new: Path) -> None:
        self.renamed += 1
        super().rename(old, new)


class Full(Disk):
    def write(self, file: int, data: bytes) -> None:
        super().write(file, data[:1])
        raise OSError(28, "No space left on device")


def test_settings_that_were_saved_are_loaded(tmp_path: Path) -> None:
    last_good.save(GoodSettings(Settings(name="before")), tmp_path)
    last_good.save(SETTINGS, tmp_path)
    assert last_good.load(tmp_path) == SETTINGS


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    last_good.save(SETTINGS, tmp_path)
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600, 0o600]


def test_the_same_settings_are_not_written_again(tmp_path: Path) -> None:
    disk = Counted()
    last_good.save(SETTINGS, tmp_path, disk)
    last_good.save(SETTINGS, tmp_path, disk)
    assert disk.renamed == 2


def test_at_the_first_start_there_are_none(tmp_path: Path) -> None:
    assert last_good.load(tmp_path) is None


@pytest.mark.parametrize(
    "contents", [b"", b'{"name"', b"\xff\xfe", b'{"button": {"pin": 99}}', b"[]"]
)
def test_damaged_or_invalid_settings_are_not_used(
    tmp_path: Path, contents: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / last_good.NAME).write_bytes(contents)
    assert last_good.load(tmp_path) is None
    assert "the last good settings can't be used" in caplog.text
    last_good.save(SETTINGS, tmp_path)
    assert last_good.load(tmp_path) == SETTINGS


def test_a_full_disk_leaves_the_former_ones_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    last_good.save(SETTINGS, tmp_path)
    last_good.save(GoodSettings(Settings(name="new"), b"name = 'new'"), tmp_path, Full())
    assert last_good.load(tmp_path) == SETTINGS
    assert {path.name for path in tmp_path.iterdir()} == {last_good.NAME, last_good.TEXT_NAME}
    assert "No space left on device" in caplog.text


def test_unknown_keys_of_a_newer_version_are_ignored(tmp_path: Path) -> None:
    (tmp_path / last_good.NAME).write_text('{"name": "kitchen", "new_key": 1}')
    assert last_good.load(tmp_path) == GoodSettings(Settings(name="kitchen"))


def test_without_a_folder_nothing_is_saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert last_good.folder() is None
    last_good.save(SETTINGS, None)
    assert last_good.load(None) is None
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert last_good.folder() == tmp_path


@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "damaged"])
def test_a_file_that_can_not_be_read_makes_way_for_a_new_one(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / last_good.NAME
    match kind:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(path)
        case "pipe":
            os.mkfifo(path)
        case "damaged":
            path.touch()
    with trees.damaged(path) if kind == "damaged" else contextlib.nullcontext():
        assert last_good.load(tmp_path) is None
        last_good.save(SETTINGS, tmp_path)  # which a damaged inode does not allow
    assert "can't be read" in caplog.text
    if kind != "damaged":
        assert last_good.load(tmp_path) == SETTINGS
        assert (tmp_path / f"{last_good.NAME}.unreadable").lstat()


TEXT = b"""name = "kitchen"
[service]
url = "ws://127.0.0.1:8765/v3/ws"
[history]
keep_days = 30
"""


def good() -> GoodSettings:
    return GoodSettings(parse(TEXT, Path("/there")), TEXT)


@pytest.mark.parametrize("length", range(len(TEXT)))
def test_a_file_that_is_cut_anywhere_is_a_mistake(tmp_path: Path, length: int) -> None:
    """Unless nothing is lost: a part of the last line's end may be missing."""
    path = tmp_path / "appliance.toml"
    path.write_bytes(TEXT[:length])
    try:
        found = load_whole(path, good())
    except SettingsError:
        return
    assert found.settings == good().settings


@pytest.mark.parametrize("text", [b"", b" \n\r\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_a_mistake_unless_the_defaults_were_good(
    tmp_path: Path, text: bytes
) -> None:
    path = tmp_path / "appliance.toml"
    path.write_bytes(text)
    with pytest.raises(SettingsError, match="is empty: write it again"):
        load_whole(path, good())
    with pytest.raises(SettingsError, match="is empty: write it again"):
        load_whole(path, None)
    assert load_whole(path, GoodSettings(Settings())).settings == Settings()


def test_a_missing_file_is_a_mistake_where_a_good_one_was_known(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is missing: write it again"):
        load_whole(tmp_path / "none.toml", good())
    with pytest.raises(SettingsError, match="is missing: write it again"):
        load_whole(tmp_path / "none.toml", None, were_saved=True)
    assert load_whole(tmp_path / "none.toml", None).settings == Settings()
    assert load_whole(tmp_path / "none.toml", GoodSettings(Settings())).settings == Settings()


def test_the_sentence_names_the_last_line_that_is_left(tmp_path: Path) -> None:
    path = tmp_path / "appliance.toml"
    path.write_bytes(b"".join(TEXT.splitlines(keepends=True)[:2]))
    with pytest.raises(SettingsError, match="is cut off after line 2: write it again"):
        load_whole(path, good())


@pytest.mark.parametrize("text", [b"# all defaults\n", TEXT + b"# more", TEXT[:17] + b"#\n"])
def test_a_file_that_was_edited_is_none_that_is_cut(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "appliance.toml"
    path.write_bytes(text)
    assert load_whole(path, good()) == GoodSettings(parse(text, path), text)


def test_without_the_text_of_an_earlier_version_an_empty_file_is_a_mistake_too(
    tmp_path: Path,
) -> None:
    last_good.save(GoodSettings(Settings(name="kitchen")), tmp_path)
    (tmp_path / "appliance.toml").touch()
    with pytest.raises(SettingsError, match="is empty"):
        load_whole(tmp_path / "appliance.toml", last_good.load(tmp_path))
