import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import AudioDropped
from appliance.streaming.spool.backlog import GAP, Backlog
from appliance.streaming.spool.inventory import recordings_in
from appliance.streaming.spool.manifest import read_manifest
from appliance.streaming.spool.segment import LENGTH, Segment
from tests.rig.posted import Posted
from tests.rig.waiting import wait_until
from tests.streaming.doubles import BEGAN, recording

SECOND = SAMPLE_RATE


def numbered(samples: int, first: int = 0) -> bytes:
    """Return audio in which each sample is its position."""
    return b"".join(
        (number % 32_768).to_bytes(2, "little") for number in range(first, first + samples)
    )


def filled(folder: Path, seconds: float, posted: Posted | None = None, **options: float) -> Backlog:
    """Return a backlog, not yet open, with so much audio in pieces of 0.1 s."""
    backlog = Backlog(folder, recording(), posted or Posted(), **options)  # type: ignore[arg-type]
    fill(backlog, seconds)
    return backlog


def fill(backlog: Backlog, seconds: float) -> None:
    first = backlog.captured
    piece = SECOND // 10
    for start in range(first, first + round(seconds * SECOND), piece):
        backlog.append(numbered(piece, start), BEGAN + start / SECOND)


def everything(backlog: Backlog, step: int = SECOND) -> bytes:
    """Read from the start as a sender does."""
    audio = b""
    while piece := backlog.read(backlog.start + len(audio) // 2, step):
        audio += piece
    return audio


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.pcm"))


def reopened(folder: Path, covered: int = 0) -> Backlog:
    return Backlog(folder, recording(), Posted(), covered=covered)


def test_audio_that_the_disk_does_not_give_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backlog = filled(tmp_path / "s1", 1)
    backlog.open()
    backlog.close()
    again = reopened(tmp_path / "s1")
    assert again.busy_for() == 0.0
    load, took = Segment.load, []

    def slow(segment: Segment, position: int, samples: int) -> bytes:
        wait_until(lambda: again.busy_for() > 0.0)
        took.append(again.busy_for())
        return load(segment, position, samples)

    monkeypatch.setattr(Segment, "load", slow)
    assert again.read(0, 100) == numbered(100)
    assert took
    assert again.busy_for() == 0.0


def test_audio_is_there_at_once(tmp_path: Path) -> None:
    backlog = filled(tmp_path, 1)
    assert (backlog.start, backlog.captured) == (0, SECOND)
    assert backlog.read(100, 50) == numbered(50, 100)


def test_reading_goes_on_over_segments(tmp_path: Path) -> None:
    backlog = filled(tmp_path, 25)
    assert len(backlog.read(LENGTH - 10, 100)) == 20
    assert everything(backlog) == numbered(25 * SECOND)


def test_nothing_can_be_read_beyond_what_was_captured(tmp_path: Path) -> None:
    backlog = filled(tmp_path, 1)
    assert backlog.read(SECOND, 100) == b""
    assert backlog.read(10 * SECOND, 100) == b""
    assert Backlog(tmp_path, recording(), Posted()).read(0, 100) == b""


def test_all_of_it_is_on_disk_after_closing(tmp_path: Path) -> None:
    folder = tmp_path / "spool" / "s1"
    backlog = filled(folder, 25)
    backlog.open()
    backlog.close()
    assert b"".join(path.read_bytes() for path in segments(folder)) == numbered(25 * SECOND)
    assert len(segments(folder)) == 3
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert read_manifest(folder) == recording()


def test_a_backlog_continues_from_what_is_on_disk(tmp_path: Path) -> None:
    backlog = filled(tmp_path, 12)
    backlog.open()
    backlog.close()
    again = reopened(tmp_path)
    assert (again.start, again.captured) == (0, 12 * SECOND)
    fill(again, 3)
    assert everything(again) == numbered(15 * SECOND)
    again.open()
    again.close()
    assert everything(reopened(tmp_path)) == numbered(15 * SECOND)


def test_memory_holds_only_what_is_not_synced(tmp_path: Path) -> None:
    backlog = filled(tmp_path, 25)
    backlog.open()
    wait_until(lambda: sum(segment.in_memory for segment in backlog._segments) == 0)
    assert everything(backlog) == numbered(25 * SECOND)
    backlog.close()


def test_being_finished_survives_a_restart(tmp_path: Path) -> None:
    backlog = filled(tmp_path / "s1", 1)
    backlog.open()
    backlog.finish()
    backlog.close()
    ((_, note),) = recordings_in(tmp_path)
    assert note.finished
    assert Backlog(tmp_path / "s1", note, Posted()).finished


def test_covered_segments_are_deleted(tmp_path: Path) -> None:
    backlog = filled(tmp_path, 25)
    backlog.open()
    wait_until(lambda: len(segments(tmp_path)) == 3)
    backlog.release(LENGTH - 1)
    assert backlog.start == 0
    backlog.release(LENGTH + 1)
    assert backlog.start == LENGTH
    wait_until(lambda: len(segments(tmp_path)) == 2)
    backlog.release(25 * SECOND)
    assert (backlog.start, backlog.captured) == (25 * SECOND, 25 * SECOND)
    wait_until(lambda: not segments(tmp_path))
    fill(backlog, 1)
    assert everything(backlog) == numbered(SECOND, 25 * SECOND)
    backlog.close()


def test_a_restart_drops_what_is_covered(tmp_path: Path) -> None:
    backlog = filled(tmp_path, 25)
    backlog.open()
    backlog.close()
    again = reopened(tmp_path, covered=12 * SECOND)
    assert again.start == LENGTH
    again.open()
    again.close()
    assert len(segments(tmp_path)) == 2


@pytest.mark.parametrize("left", [0, 1, 5])
def test_new_audio_never_starts_before_what_is_covered(tmp_path: Path, left: int) -> None:
    backlog = filled(tmp_path, left)
    backlog.open()
    backlog.close()
    # The words of six seconds are on record, but a power cut destroyed the end of their audio.
    again = reopened(tmp_path, covered=6 * SECOND)
    assert again.captured == 6 * SECOND
    again.append(numbered(100), BEGAN + 60)
    assert again.start == 6 * SECOND
    assert again.read(6 * SECOND, 100) == numbered(100)
    assert again.time_of(6 * SECOND) == pytest.approx(60)


def test_removing_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "s1"
    backlog = filled(folder, 25)
    backlog.open()
    wait_until(lambda: len(segments(folder)) == 3)
    backlog.remove()
    backlog.close()
    assert not folder.exists()


def test_a_pause_in_the_capture_begins_a_segment(tmp_path: Path) -> None:
    backlog = filled(tmp_path, 1)
    backlog.append(numbered(100), BEGAN + 5)
    backlog.append(numbered(100), BEGAN + 5 + 100 / SECOND)
    backlog.open()
    backlog.close()
    assert len(segments(tmp_path)) == 2
    for each in (backlog, reopened(tmp_path)):
        assert each.time_of(SECOND - 1) == pytest.approx(1, abs=0.01)
        assert each.time_of(SECOND) == pytest.approx(5)
        assert each.time_of(SECOND + 150) == pytest.approx(5 + 150 / SECOND)


def test_a_clock_that_drifts_is_followed(tmp_path: Path) -> None:
    backlog = Backlog(tmp_path, recording(), Posted())
    for number in range(1200):
        backlog.append(bytes(SECOND), BEGAN + number * 0.501)
    assert backlog.time_of(600 * SECOND) == pytest.approx(1200 * 0.501, abs=GAP + 0.1)


def test_the_oldest_audio_is_dropped_when_the_backlog_is_full(tmp_path: Path) -> None:
    posted = Posted()
    backlog = filled(tmp_path, 75, posted, limit=60.0)
    assert backlog.start == 2 * LENGTH
    assert sum(event.seconds for event in posted.of(AudioDropped)) == 20.0
    assert everything(backlog) == numbered(55 * SECOND, 2 * LENGTH)


def test_waiting_ends_when_audio_comes_or_none_will(tmp_path: Path) -> None:
    backlog = filled(tmp_path, 1)
    backlog.wait_beyond(SECOND - 1, timeout=60)
    backlog.wait_beyond(SECOND, timeout=0.01)
    backlog.finish()
    backlog.wait_beyond(SECOND, timeout=60)


def test_each_block_wakes_whoever_waits_for_it(tmp_path: Path) -> None:
    backlog = filled(tmp_path, 0)
    backlog.open()
    positions = range(0, 50 * 1600, 1600)
    came = [threading.Event() for _ in positions]

    def follow() -> None:
        for position, here in zip(positions, came, strict=True):
            backlog.wait_beyond(position, timeout=60)
            here.set()
        backlog.wait_beyond(backlog.captured, timeout=60)

    follower = threading.Thread(target=follow)
    follower.start()
    for here in came:
        fill(backlog, 0.1)
        backlog.release(0)
        assert here.wait(30)
    backlog.finish()
    follower.join(30)
    assert not follower.is_alive()
    backlog.close()


# After a power cut, or with a failing card


def test_a_gap_between_segments_is_silence(tmp_path: Path) -> None:
    backlog = filled(tmp_path, 25)
    backlog.open()
    backlog.close()
    torn = segments(tmp_path)[1]
    torn.write_bytes(torn.read_bytes()[: 8 * 2 * SECOND + 1])
    audio = everything(reopened(tmp_path))
    assert audio[: 18 * 2 * SECOND] == numbered(18 * SECOND)
    assert audio[18 * 2 * SECOND : 20 * 2 * SECOND] == bytes(2 * 2 * SECOND)
    assert audio[20 * 2 * SECOND :] == numbered(5 * SECOND, 20 * SECOND)


def test_an_empty_last_segment_is_reached(tmp_path: Path) -> None:
    backlog = filled(tmp_path, 20.1)
    backlog.open()
    backlog.close()
    *_, before, last = segments(tmp_path)
    before.write_bytes(before.read_bytes()[:1000])
    last.write_bytes(b"")
    again = reopened(tmp_path)
    assert again.captured == 2 * LENGTH
    assert len(everything(again)) == 2 * 2 * LENGTH


@pytest.mark.parametrize("damage", ["gone", "shorter", "a folder"])
def test_a_file_that_fails_while_in_use_is_silence(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    backlog = filled(tmp_path, 25)
    backlog.open()
    backlog.close()
    again = reopened(tmp_path)
    bad = segments(tmp_path)[1]
    if damage == "shorter":
        bad.write_bytes(b"")
    else:
        bad.unlink()
    if damage == "a folder":
        bad.mkdir()
    audio = everything(again)
    assert len(audio) == 2 * 25 * SECOND
    assert audio[: 2 * LENGTH] == numbered(LENGTH)
    assert audio[2 * LENGTH : 4 * LENGTH] == bytes(2 * LENGTH)
    assert audio[4 * LENGTH :] == numbered(5 * SECOND, 2 * LENGTH)
    assert ("can't read audio" in caplog.text) == (damage != "shorter")


def test_without_its_first_segments_a_backlog_starts_later(tmp_path: Path) -> None:
    backlog = filled(tmp_path, 25)
    backlog.open()
    backlog.close()
    segments(tmp_path)[0].unlink()
    again = reopened(tmp_path)
    assert again.start == LENGTH
    assert everything(again) == numbered(15 * SECOND, LENGTH)


# Whatever happens

pieces = st.integers(min_value=1, max_value=4 * SECOND)
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("append"), pieces),
        st.tuples(st.just("pause"), pieces),
        st.tuples(st.just("release"), st.integers(min_value=0, max_value=60 * SECOND)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=40)
@given(happenings)
def test_audio_is_kept_from_what_is_covered_to_what_was_captured(
    tmp_path_factory: pytest.TempPathFactory, happenings: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    backlog = Backlog(folder, recording(), Posted())
    backlog.open()
    captured = covered = 0
    now = BEGAN
    for kind, amount in happenings:
        match kind:
            case "append":
                backlog.append(AUDIO[2 * captured : 2 * (captured + amount)], now)
                captured += amount
                now += amount / SECOND
            case "pause":
                now += amount / SECOND
            case "release":
                covered = max(covered, min(amount, captured))
                backlog.release(covered)
            case "restart":
                backlog.close()
                backlog = Backlog(folder, recording(), Posted(), covered=covered)
                backlog.open()
        assert backlog.captured == captured
        assert backlog.start <= covered
        assert covered - backlog.start < LENGTH + 4 * SECOND
        assert everything(backlog) == AUDIO[2 * backlog.start : 2 * captured]
        # No position can be later than the capture of the last piece.
        assert backlog.time_of(captured) <= now - BEGAN + 0.002
    backlog.remove()
    backlog.close()
    assert not folder.exists()


AUDIO = numbered(25 * 4 * SECOND)
