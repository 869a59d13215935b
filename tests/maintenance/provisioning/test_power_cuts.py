import itertools
import os
from pathlib import Path

import pytest

from appliance.maintenance.provisioning.boot_partition import take_settings
from appliance.settings import load
from appliance.system.files import Disk
from tests.maintenance.cards import KEY, LEFT, TEXT, Card, new_card
from tests.maintenance.fragile_disk import FragileDisk, PhotographedDisk, PowerCutError
from tests.maintenance.media import KINDS, medium, mounted


class Remembering(Disk):
    """Keeps a second name of what was wiped."""

    def __init__(self, second_name: Path) -> None:
        self.second_name = second_name

    def open(self, path: Path) -> int:
        os.link(path, self.second_name)
        return super().open(path)


@pytest.mark.parametrize("name", ["appliance.toml", "appliance.toml.txt"])
def test_what_the_file_held_is_overwritten(card: Card, tmp_path: Path, name: str) -> None:
    card.put(TEXT, name)
    disk = Remembering(tmp_path / "second")
    assert take_settings(card.root, disk)
    assert disk.second_name.read_bytes() == bytes(len(TEXT.encode()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["appliance.toml", "appliance.toml.txt"])
def test_nothing_on_a_real_partition_holds_the_key_any_more(
    card: Card, tmp_path: Path, kind: str, name: str
) -> None:
    image = tmp_path / "image"
    with medium(kind, image) as device:
        with mounted(device, card.partition):
            card.put(TEXT, name)
        assert KEY.encode() in image.read_bytes()
        with mounted(device, card.partition):
            assert take_settings(card.root)
        with mounted(device, card.partition):
            assert card.file.read_bytes() == LEFT.encode()
            assert "appliance.toml.new" not in {path.name for path in card.partition.iterdir()}
    assert card.secret() == KEY
    assert KEY.encode() not in image.read_bytes()


@pytest.mark.parametrize("lost", [False, True], ids=["all kept", "the unsynced lost"])
@pytest.mark.parametrize("name", ["appliance.toml", "appliance.toml.txt"])
def test_whenever_the_power_is_cut_the_next_start_brings_it_to_its_end(
    tmp_path: Path, name: str, lost: bool
) -> None:
    for cut in itertools.count():
        card = new_card(tmp_path / str(cut))
        card.put(TEXT, name)
        disk = FragileDisk(cut)
        try:
            take_settings(card.root, disk)
        except PowerCutError:
            pass
        else:
            break
        if lost:
            disk.lose()
        is_whole(card, name)
        assert take_settings(card.root)
        is_done(card)
    assert cut > 30


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["appliance.toml", "appliance.toml.txt"])
def test_what_a_cut_leaves_on_a_real_partition_is_whole(
    card: Card, tmp_path: Path, kind: str, name: str
) -> None:
    image = tmp_path / "image"
    disk = PhotographedDisk(image)
    with medium(kind, image) as device:
        with mounted(device, card.partition):
            card.put(TEXT, name)
        with mounted(device, card.partition):
            assert take_settings(card.root, disk)
    for call in range(disk.calls):
        with (
            medium(kind, disk.photograph(call)) as device,
            mounted(device, card.partition),
        ):
            is_whole(card, name)
            assert take_settings(card.root)
            is_done(card)
    assert disk.calls > 20


def is_whole(card: Card, name: str) -> None:
    """Whatever is there is old or new, the whole of it; the key is in one place at least."""
    on_card = {
        path.name: path.read_bytes()
        for path in card.partition.iterdir()
        if path.is_file() and not path.name.endswith(".new")
    }
    assert set(on_card.values()) <= {TEXT.encode(), LEFT.encode()}
    assert on_card
    assert on_card.get(name) == TEXT.encode() or card.secret() == KEY
    assert card.secret() in (None, KEY)
    assert card.settings.read_bytes() in (b'name = "installed"\n', LEFT.encode())
    for path in card.partition.glob("*.new"):
        assert KEY.encode() not in path.read_bytes()


def is_done(card: Card) -> None:
    assert card.file.read_bytes() == LEFT.encode()
    assert card.secret() == KEY
    assert load(card.settings).button.pin == 22
    assert card.temporary_files() == []
    assert KEY.encode() not in card.everything_on_the_partition()
