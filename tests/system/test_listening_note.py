import logging
import os
from pathlib import Path

import pytest

from appliance.system.listening_note import ListeningNote


def test_a_note_names_the_session_until_it_is_cleared(tmp_path: Path) -> None:
    ListeningNote(Path("/state"), tmp_path).write("5f3a")
    assert ListeningNote(Path("/state"), tmp_path).read() == "5f3a"
    ListeningNote(Path("/state"), tmp_path).clear()
    assert ListeningNote(Path("/state"), tmp_path).read() == ""
    assert list(tmp_path.iterdir()) == []


def test_state_folders_have_notes_of_their_own(tmp_path: Path) -> None:
    one, other = ListeningNote(Path("/one"), tmp_path), ListeningNote(Path("/other"), tmp_path)
    one.write("5f3a")
    assert other.read() == ""


def test_without_such_a_folder_no_session_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    note = ListeningNote(Path("/state"), tmp_path / "nowhere")
    with caplog.at_level(logging.WARNING):
        note.write("5f3a")
    assert "nowhere" in caplog.text
    note.clear()
    assert note.read() == ""


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 1000, None])
def test_nonsense_names_no_session(tmp_path: Path, content: bytes | None) -> None:
    note = ListeningNote(Path("/state"), tmp_path)
    if content is None:
        note.path.mkdir()
    else:
        note.path.write_bytes(content)
    assert note.read() == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_another_user_wrote_is_not_believed(tmp_path: Path) -> None:
    note = ListeningNote(Path("/state"), tmp_path)
    note.write("5f3a")
    os.chown(note.path, 65534, 65534)
    assert note.read() == ""
