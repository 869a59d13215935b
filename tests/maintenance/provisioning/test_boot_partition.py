import codecs
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.maintenance.provisioning.boot_partition import LARGEST, take_settings
from appliance.maintenance.provisioning.secrets_in_toml import Secret
from appliance.settings import SettingsError, load
from appliance.system.files import Disk
from tests.maintenance.cards import KEY, LEFT, TEXT, Card

SECRET = "of-the-token-server"


def test_settings_and_key_are_taken_over(card: Card) -> None:
    card.put(TEXT)
    assert take_settings(card.root)
    assert load(card.settings).button.pin == 22
    assert card.secret() == KEY


def test_the_file_stays_on_the_partition_without_the_key(card: Card) -> None:
    card.put(TEXT)
    take_settings(card.root)
    assert card.file.read_bytes() == LEFT.encode()
    assert [path.name for path in card.partition.iterdir()] == ["appliance.toml"]


def test_only_root_reads_the_secrets(card: Card) -> None:
    card.put(TEXT + f'[history]\ntoken_secret = "{SECRET}"\nmqtt_password = "pass"\n')
    take_settings(card.root)
    assert card.secret(Secret.TOKEN_SECRET) == SECRET
    assert card.secret(Secret.MQTT_PASSWORD) == "pass"
    assert card.credentials.stat().st_mode & 0o777 == 0o700
    for secret in Secret:
        assert (card.credentials / secret.value).stat().st_mode & 0o777 == 0o600


def test_no_secret_is_logged(card: Card, caplog: pytest.LogCaptureFixture) -> None:
    for line in (f'api_key = "{KEY}"', f'api_key = "{KEY}', f"# api_key = {KEY}"):
        card.put(f"{line}\n")
        with caplog.at_level("DEBUG"):
            take_settings(card.root)
    assert caplog.records
    assert KEY not in caplog.text


def test_a_later_edit_on_the_box_stays(card: Card) -> None:
    card.put(TEXT)
    take_settings(card.root)
    card.settings.write_text('name = "edited"\n')
    take_settings(card.root)
    assert load(card.settings).name == "edited"


def test_a_new_key_alone_leaves_a_later_edit_on_the_box(card: Card) -> None:
    card.put(TEXT)
    take_settings(card.root)
    card.settings.write_text('name = "edited"\n')
    card.put(LEFT.replace('# api_key = ""', "api_key = another"))
    take_settings(card.root)
    assert card.secret() == "another"
    assert load(card.settings).name == "edited"
    assert card.file.read_bytes() == LEFT.encode()


def test_an_edit_on_the_card_is_taken_over(card: Card) -> None:
    card.put(TEXT)
    take_settings(card.root)
    card.put(LEFT.replace("22", "27"))
    take_settings(card.root)
    assert load(card.settings).button.pin == 27
    assert card.secret() == KEY


def test_settings_that_were_removed_on_the_box_come_back(card: Card) -> None:
    card.put(TEXT)
    take_settings(card.root)
    card.settings.unlink()
    take_settings(card.root)
    assert load(card.settings).button.pin == 22


def test_a_file_with_nothing_but_a_key_leaves_the_settings_of_the_box(card: Card) -> None:
    card.put(f'# The key:\n\napi_key = "{KEY}"\n')
    take_settings(card.root)
    assert card.secret() == KEY
    assert load(card.settings).name == "installed"


@pytest.mark.parametrize(
    "text",
    [
        '[service]\napi_key = "{}"\n',
        "\r\n[service]  # the key\r\n\tapi_key = '{}'\r\n",
        '[ "service" ]\n[button]\n[[commands]]\n\n[service]\napi_key = {}',
        '\ufeff\ufeff[service]\napi_key = "{}"\n\x1a',
        '# Caf\u00e9\x0c\u2028of mine\n\u00a0\n[service] \u200b\napi_key = "{}"\n\0',
        'api_key = "{}"\ntoken_secret = ""\n# pin = 22\n',
    ],
)
def test_titles_and_what_is_unseen_are_no_settings(card: Card, text: str) -> None:
    card.put(text.format(KEY))
    assert take_settings(card.root)
    assert card.secret() == KEY
    assert load(card.settings).name == "installed"
    assert KEY.encode() not in card.everything_on_the_partition()


@pytest.mark.parametrize(
    "line", ["lines = 2", "[button", "button]", "[[button]", "[button] pin = 22", "= 3", "pin"]
)
def test_whatever_else_stands_beside_a_key_is_taken_over(card: Card, line: str) -> None:
    card.put(f'[service]\napi_key = "{KEY}"\n{line}\n')
    assert take_settings(card.root)
    assert line in card.settings.read_text()
    assert card.secret() == KEY


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    ],
    ids=["utf-8 with a mark", "utf-16 little", "utf-16 big"],
)
def test_files_from_windows_editors_are_read(card: Card, encode: Callable[[str], bytes]) -> None:
    card.put(encode(TEXT))
    assert take_settings(card.root)
    assert load(card.settings).button.pin == 22
    assert card.secret() == KEY
    assert card.file.read_bytes() == codecs.BOM_UTF8 + LEFT.encode()


def test_a_hidden_end_of_the_name_is_set_right(card: Card) -> None:
    card.put("pin = 1", "appliance.toml")
    card.put(TEXT, "Appliance.toml.txt")
    assert take_settings(card.root)
    assert card.secret() == KEY
    assert card.file.read_bytes() == LEFT.encode()
    assert [path.name for path in card.partition.iterdir()] == ["appliance.toml"]


def test_capitals_in_the_name_do_not_matter(card: Card) -> None:
    card.put(TEXT, "APPLIANCE.TOML")
    take_settings(card.root)
    assert card.secret() == KEY
    assert KEY.encode() not in card.everything_on_the_partition()


def test_the_older_place_of_the_partition_counts_too(tmp_path: Path) -> None:
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot/appliance.toml").write_text(TEXT)
    assert take_settings(tmp_path)
    assert Card(tmp_path).secret() == KEY


@pytest.mark.parametrize("folder", ["", "boot", "boot/firmware"])
def test_without_a_partition_or_a_file_nothing_happens(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    assert take_settings(tmp_path)
    assert not (tmp_path / "etc").exists()
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[button]\npin = 99\n", "button.pin = 99 is not allowed"),
        ('[service]\nurl = "wss://x\n', "line 2"),
        ("lins = 2\n", "unknown key lins"),
        (f'api_key = "{KEY}\n', "api_key can't be used"),
        (f'[service]\napi_key = """\n{KEY}\n"""\n', "api_key can't be used"),
        (b'name = "K\xfcche"\n', "is not valid TOML"),
    ],
)
def test_a_mistake_is_left_for_the_appliance_to_show(
    card: Card, text: str | bytes, problem: str
) -> None:
    card.put(text)
    assert take_settings(card.root)
    for _ in range(2):  # it is still one after the next start
        with pytest.raises(SettingsError) as error:
            load(card.settings)
        assert problem in str(error.value)
        take_settings(card.root)
    assert KEY.encode() not in card.everything_on_the_partition()
    assert KEY not in card.settings.read_bytes().decode("latin-1")


@pytest.mark.parametrize("start", ["", "[service]\n", "[service]\n# mine\nservice."])
def test_an_unusable_key_alone_stands_above_the_settings_of_the_box_until_it_is_corrected(
    card: Card, start: str
) -> None:
    before = card.settings.read_bytes()
    card.put(f'{start}api_key = "two {KEY}"\n')
    for _ in range(2):
        assert take_settings(card.root)
        assert card.settings.read_bytes() == b'api_key = "not usable"\n' + before
        card.taken.unlink()  # as if the power had been cut before it was written
    assert take_settings(card.root)
    card.put(f"{start}api_key = two words\n")
    assert take_settings(card.root)
    card.put(f'{start}api_key = "{KEY}"\n')
    assert take_settings(card.root)
    assert card.settings.read_bytes() == before
    assert card.secret() == KEY


def test_a_key_that_can_not_be_used_leaves_the_former_one(
    card: Card, caplog: pytest.LogCaptureFixture
) -> None:
    card.put(f"api_key = {KEY}\n")
    take_settings(card.root)
    card.put('\napi_key = "no key"\n')
    take_settings(card.root)
    assert card.secret() == KEY
    assert "line 2: api_key can't be used" in caplog.text


def test_a_large_file_of_one_line_takes_no_time(card: Card) -> None:
    for piece in ("a", "a-", ". ", "[", "[[ ", "\ufeff", 'api_key = "'):
        card.put(piece.encode() * (LARGEST // len(piece.encode())))
        assert take_settings(card.root)


# What is no settings file


def test_a_link_is_not_followed(card: Card, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text(TEXT)
    card.file.symlink_to(other)
    assert not take_settings(card.root)
    assert other.read_text() == TEXT.replace("\r\n", "\n")
    assert card.secret() is None


def test_a_folder_a_pipe_or_a_large_file_is_reported_and_left(
    card: Card, caplog: pytest.LogCaptureFixture
) -> None:
    card.put(b"#" * (LARGEST + 1))
    assert not take_settings(card.root)
    assert "is larger than 64 KiB" in caplog.text
    card.file.unlink()
    os.mkfifo(card.file)
    assert not take_settings(card.root)
    assert "no regular file" in caplog.text
    card.file.unlink()
    card.file.mkdir()
    assert not take_settings(card.root)
    assert load(card.settings).name == "installed"


def test_a_link_where_a_temporary_file_goes_is_replaced(card: Card, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("untouched")
    (card.partition / "appliance.toml.new").symlink_to(other)
    card.put(TEXT)
    assert take_settings(card.root)
    assert other.read_text() == "untouched"
    assert not card.file.is_symlink()
    assert card.file.read_bytes() == LEFT.encode()


# What the disk may do


class Refusing(Disk):
    """Can't write below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, path: Path, mode: int) -> int:
        if path.is_relative_to(self._folder):
            raise OSError(30, "Read-only file system")
        return super().create(path, mode)


def test_a_partition_that_can_not_be_written_is_reported_and_tried_again(
    card: Card, caplog: pytest.LogCaptureFixture
) -> None:
    card.put(TEXT)
    refusing = Refusing(card.partition)
    assert not take_settings(card.root, refusing)
    assert "Read-only file system; the key is still on it" in caplog.text
    assert card.secret() == KEY
    assert load(card.settings).button.pin == 22
    card.settings.write_text('name = "edited"\n')
    assert not take_settings(card.root, refusing)
    assert load(card.settings).name == "edited"
    assert take_settings(card.root)
    assert card.file.read_bytes() == LEFT.encode()
    assert load(card.settings).name == "edited"


def test_a_key_that_can_not_be_kept_stays_on_the_partition(
    card: Card, caplog: pytest.LogCaptureFixture
) -> None:
    card.put(TEXT)
    assert not take_settings(card.root, Refusing(card.credentials))
    assert card.file.read_bytes() == TEXT.encode()
    assert "the key on the boot partition can't be taken over" in caplog.text


def test_settings_that_can_not_be_written_are_taken_at_the_next_start(card: Card) -> None:
    card.put(TEXT)
    assert not take_settings(card.root, Refusing(card.settings.parent))
    assert load(card.settings).name == "installed"
    assert take_settings(card.root)
    assert load(card.settings).button.pin == 22
