import errno
import time
from pathlib import Path

import pytest

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.command_events import Request, Requested
from appliance.core.events import (
    AudioDropped,
    ButtonFailed,
    ButtonReady,
    ButtonStuck,
    Committed,
    Connected,
    Disconnected,
    Event,
    Held,
    HistoryFailed,
    HistoryRecovered,
    LevelMeasured,
    MicrophoneClosed,
    MicrophoneFailed,
    MicrophoneOpened,
    MicrophoneReady,
    OverflowCounted,
    PartHung,
    PowerOffFailed,
    PowerOffRequested,
    Pressed,
    Released,
    ScreenFailed,
    ScreenRecovered,
    SettingsChanged,
    SpoolFailed,
    SpoolRecovered,
    StatusLedFailed,
    StatusLedReady,
    StopRequested,
    TurnReceived,
    UnhandledError,
)
from appliance.core.faults import Fault
from appliance.core.recording import Recording
from appliance.core.turns import Covered, Turn
from appliance.history import reader
from appliance.screen.scene import Mode, ShownTurn, Summary
from appliance.settings.schema import ButtonSettings, StatusLedSettings
from appliance.streaming.session import Progress
from appliance.streaming.spool import writer
from appliance.streaming.spool.backlog import Backlog
from tests.doubles import Bench, ScriptedSession
from tests.rig.waiting import wait_until

NO_NETWORK = Fault("No network", "check Wi-Fi or cable")
NO_MICROPHONE = Fault("No microphone", "plug one in")
DISK_FAULT = Fault("Disk fault", "check the SD card")
CANT_SAVE = Fault("Can't save", "check the SD card")


def silent_for(session: ScriptedSession, seconds: float) -> None:
    session.reach(captured=seconds, sent=seconds, last_word=0)


LIGHT = StatusLedSettings(pin=27)

# The start


def test_it_is_ready_once_button_microphone_and_light_work(tmp_path: Path) -> None:
    with Bench(tmp_path, visible=False, light=LIGHT, starts=False) as bench:
        for event in (ButtonReady(), MicrophoneReady()):
            bench.post(event)
            assert bench.scene().mode is Mode.STARTING
        bench.post(StatusLedReady())
        assert bench.scene().mode is Mode.READY


@pytest.mark.parametrize("presses", [1, 2])
def test_a_press_that_comes_too_early_counts_as_soon_as_it_can(
    tmp_path: Path, presses: int
) -> None:
    with Bench(tmp_path, visible=False, light=LIGHT, starts=False) as bench:
        bench.post(ButtonReady())
        for _ in range(presses):
            bench.press()
        assert bench.scene().mode is Mode.STARTING
        assert not bench.microphone.is_open
        bench.post(StatusLedReady(), MicrophoneReady())
        bench.post(Event())
        assert bench.scene().mode is Mode.CONNECTING
        assert len(bench.sessions.made) == 1


def test_an_early_press_that_is_stopped_begins_no_session(tmp_path: Path) -> None:
    with Bench(tmp_path, visible=False, light=LIGHT, starts=False) as bench:
        bench.post(ButtonReady())
        bench.press()
        bench.post(Requested(Request.STOP))
        bench.post(StatusLedReady(), MicrophoneReady())
        bench.post(Event())
        assert bench.scene().mode is Mode.READY


def test_a_hold_at_the_start_counts_down_and_switches_off(tmp_path: Path) -> None:
    with Bench(tmp_path, visible=False, light=LIGHT, starts=False) as bench:
        bench.post(ButtonReady(), Pressed())
        bench.advance(1.5)
        assert bench.scene().mode is Mode.STARTING
        assert bench.scene().power_off_in == 2
        bench.post(Held())
        bench.join()
        assert bench.reason == PowerOffRequested()
        assert bench.sessions.made == []


# Presses


def test_from_press_to_press(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.press()
        assert bench.scene().mode is Mode.CONNECTING
        assert bench.microphone.is_open
        bench.connect(bench.live)
        assert bench.scene().mode is Mode.LISTENING
        bench.advance(65.0)
        assert bench.scene().elapsed == 65.0
        bench.hear(bench.live, Turn(0, "two words", finished=True))
        bench.press()
        assert not bench.microphone.is_open
        assert bench.live.backlog.finished
        assert bench.scene().mode is Mode.FINISHING
        bench.advance(3.0)
        assert bench.scene().elapsed == 65.0
        bench.end(bench.live)
        assert bench.scene().mode is Mode.SAVED
        assert bench.scene().summary == Summary(seconds=65.0, words=2)
        bench.advance(9.0)
        assert bench.scene().mode is Mode.READY
        assert bench.scene().summary is None


def test_what_was_captured_goes_to_the_session_of_the_press(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.press()
        assert bench.microphone.deliver
        bench.microphone.deliver(bytes(3200), bench.clock.now)
        assert bench.live.backlog.captured == 1600


def test_a_second_press_before_the_connection_ends_the_session(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.press()
        bench.press()
        assert bench.scene().mode is Mode.FINISHING
        bench.connect(bench.live)
        assert bench.scene().mode is Mode.FINISHING


def test_a_press_while_finishing_begins_another_session_and_the_first_loses_nothing(
    tmp_path: Path,
) -> None:
    with Bench(tmp_path) as bench:
        first = bench.listen()
        bench.press()
        second = bench.listen()
        assert second.name != first.name
        assert bench.scene().mode is Mode.LISTENING
        assert bench.microphone.is_open
        assert first.backlog.finished
        assert not first.abandoned
        bench.hear(first, Turn(0, "the first", finished=True))
        assert bench.scene().turns == ()
        bench.end(first)
        assert bench.scene().mode is Mode.LISTENING
        bench.wait_for_text("the first")
        assert not second.backlog.finished


def test_a_session_that_finishes_beside_a_live_one_waits_once_its_connection_is_lost(
    tmp_path: Path,
) -> None:
    with Bench(tmp_path) as bench:
        first = bench.listen()
        bench.press()
        second = bench.listen()
        bench.post(Disconnected(first.name, NO_NETWORK))
        assert first.abandoned
        assert bench.scene().mode is Mode.LISTENING
        assert bench.scene().fault is None
        bench.end(first, complete=False)
        assert bench.sessions.made == [first, second]
        bench.press()
        bench.end(second)
        delivery = bench.live
        assert delivery.name == first.name


def test_each_session_gets_its_own_last_chunk(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.microphone.hangs = True
        first = bench.listen()
        bench.press()
        second = bench.listen()
        bench.press()
        assert not first.backlog.finished
        bench.post(MicrophoneClosed())
        assert first.backlog.finished
        assert not second.backlog.finished
        bench.post(MicrophoneClosed())
        assert second.backlog.finished


def test_a_microphone_that_does_not_close_does_not_hold_up_the_words(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.microphone.hangs = True
        session = bench.listen()
        bench.press()
        bench.advance(2.0)
        assert not session.backlog.finished
        bench.advance(2.0)
        assert session.backlog.finished


# Clicks and holds


def test_a_press_ends_a_session_when_it_turns_out_to_be_a_click(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.listen()
        bench.post(Pressed())
        assert bench.scene().mode is Mode.LISTENING
        bench.advance(0.3)
        bench.post(Released())
        assert bench.scene().mode is Mode.FINISHING


def test_a_hold_counts_down_and_letting_go_leaves_the_session_as_it_was(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.listen()
        bench.post(Pressed())
        shown = []
        for _ in range(4):
            bench.advance(0.7)
            shown.append(bench.scene().power_off_in)
        assert shown == [3, 2, 1, 1]
        bench.post(Released())
        assert bench.scene().mode is Mode.LISTENING
        assert bench.scene().power_off_in == 0
        assert bench.microphone.is_open


def test_a_session_that_a_released_hold_began_goes_on(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.post(Pressed())
        assert bench.microphone.is_open
        bench.advance(1.5)
        assert bench.scene().power_off_in == 2
        bench.post(Released())
        bench.connect(bench.live)
        assert bench.scene().mode is Mode.LISTENING


def test_a_hold_finishes_the_session_and_asks_to_switch_off(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        bench.hear(session, Turn(0, "the end", finished=True))
        bench.post(Pressed())
        bench.advance(3.0)
        bench.post(Held())
        assert bench.scene().mode is Mode.FINISHING
        assert bench.scene().hint == "Then it switches off"
        bench.press()
        assert len(bench.sessions.made) == 1
        bench.end(session)
        bench.join()
        assert bench.reason == PowerOffRequested()
        bench.wait_for_text("the end")


def test_a_hold_switches_off_though_nothing_is_connected(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.post(Pressed(), Held())
        bench.advance(11.0)
        bench.join()
        assert bench.reason == PowerOffRequested()
        assert bench.live.abandoned


def test_without_an_action_a_hold_does_nothing_and_a_press_counts_at_once(tmp_path: Path) -> None:
    with Bench(tmp_path, button=ButtonSettings(hold_action="none")) as bench:
        bench.listen()
        bench.post(Pressed())
        assert bench.scene().mode is Mode.FINISHING
        bench.advance(2.0)
        assert bench.scene().power_off_in == 0
        bench.post(Held(), Released())
        assert bench.scene().mode is Mode.FINISHING
        assert bench.reason is None


def test_a_release_without_a_press_does_nothing(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.listen()
        bench.post(Released(), Held())
        assert bench.scene().mode is Mode.LISTENING


@pytest.mark.parametrize("event", [ButtonReady(), ButtonFailed(Fault("No button"))])
def test_a_button_that_is_lost_while_it_is_held_ends_the_hold(tmp_path: Path, event: Event) -> None:
    with Bench(tmp_path) as bench:
        bench.post(Pressed())
        bench.advance(1.0)
        assert bench.scene().power_off_in
        bench.post(event)
        assert not bench.scene().power_off_in


def test_a_hold_from_idle_does_not_wait_long_for_words_that_nobody_said(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.post(Pressed(), Held())
        bench.advance(2.5)
        bench.join()
        assert bench.reason == PowerOffRequested()


def test_a_failure_to_switch_off_is_shown_until_the_next_press(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.post(PowerOffFailed(Fault("Can't switch off")))
        assert bench.scene().fault == Fault("Can't switch off")
        bench.press()
        assert bench.scene().fault is None


# What is heard


def test_words_are_shown_as_they_come_and_stored_when_the_turn_is_finished(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        bench.hear(session, Turn(0, "the", tentative="kettle"))
        assert bench.scene().turns == (ShownTurn("the", "kettle"),)
        bench.hear(session, Turn(0, "the kettle is on", finished=True))
        bench.wait_for_text("the kettle is on")
        bench.hear(session, Turn(0, "The kettle is on.", finished=True))
        bench.hear(session, Turn(1, "and"))
        bench.wait_for_text("The kettle is on.")
        assert bench.scene().turns == (ShownTurn("The kettle is on."), ShownTurn("and"))


def test_the_history_drops_what_will_be_heard_again(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        bench.hear(session, Turn(0, "kept", finished=True), covered=1.0)
        bench.hear(session, Turn(1, "again", finished=True))
        bench.wait_for_text("kept", "again")
        bench.post(Disconnected(session.name, NO_NETWORK))
        bench.connect(session, Covered(SAMPLE_RATE, 0, 1))
        bench.wait_for_text("kept")
        assert bench.scene().turns == (ShownTurn("kept"), ShownTurn("again"))
        again = Turn(0, "again, better", finished=True)
        covered = Covered(2 * SAMPLE_RATE, SAMPLE_RATE, 1)
        bench.post(TurnReceived(session.name, SAMPLE_RATE, again, 1.0, 2.0, covered))
        bench.wait_for_text("kept", "again, better")
        assert bench.scene().turns == (ShownTurn("kept"), ShownTurn("again, better"))


def test_audio_is_released_once_its_words_are_on_disk(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        assert bench.microphone.deliver
        for second in range(25):
            bench.microphone.deliver(bytes(2 * SAMPLE_RATE), bench.clock.now + second)
        assert session.backlog.start == 0
        bench.hear(session, Turn(0, "words", finished=True), covered=24.0)
        wait_until(lambda: session.backlog.start == 20 * SAMPLE_RATE)
        bench.wait_for_text("words")


def test_silence_is_committed_to_the_history_too(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        for second in (29.0, 31.0, 32.0, 60.0, 62.0):
            session.reach(captured=second + 30.0, sent=second + 30.0, covered=second)
            bench.advance(0.1)
        wait_until(lambda: len(bench.commits) == 2)
        covered = [commit.covered.position / SAMPLE_RATE for commit in bench.commits]
        assert covered == [31.0, 62.0]
        assert reader.covered(bench.path)[session.name].position == 62 * SAMPLE_RATE


def test_what_a_turn_covers_is_never_committed_before_the_turn(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        turn = Turn(0, "long", finished=True)
        covered = Covered(59 * SAMPLE_RATE, 0, 1)
        with bench.busy():
            bench.inbox.put(Event())
            bench.inbox.put(TurnReceived(session.name, 0, turn, 0.0, 59.0, covered))
            minute = 60 * SAMPLE_RATE
            session.reached = Progress(minute, minute, minute, covered, last_word=0)
        bench.press()
        bench.end(session)
        bench.wait_for_text("long")
        wait_until(lambda: bench.commits and bench.commits[-1].complete)
        # Once with the turn and once with the end, never by itself.
        assert bench.commits == [
            Committed(session.name, covered),
            Committed(session.name, covered, complete=True),
        ]


# The network


def test_an_outage_is_shown_until_the_connection_is_back(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        session.reach(captured=42, sent=2)
        bench.post(Disconnected(session.name, NO_NETWORK))
        assert bench.scene().mode is Mode.RECONNECTING
        assert bench.scene().fault == NO_NETWORK
        assert bench.scene().waiting == 40.0
        assert bench.microphone.is_open
        bench.connect(session)
        assert bench.scene().mode is Mode.LISTENING
        assert bench.scene().fault is None


def test_a_connection_that_can_not_be_made_is_shown(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.press()
        bench.post(Disconnected(bench.live.name, NO_NETWORK))
        assert bench.scene().mode is Mode.CONNECTING
        assert bench.scene().fault == NO_NETWORK


def test_a_connection_that_ends_as_it_should_goes_unnoticed(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        bench.post(Disconnected(session.name, None))
        assert bench.scene().mode is Mode.LISTENING
        assert bench.scene().fault is None


def test_the_faults_of_one_session_are_not_shown_in_the_next(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        first = bench.listen()
        bench.post(Disconnected(first.name, NO_NETWORK), AudioDropped(first.name, 10.0))
        bench.press()
        bench.press()
        assert bench.scene().mode is Mode.CONNECTING
        assert bench.scene().fault is None


def test_what_is_not_transcribed_in_time_is_delivered_in_the_background(tmp_path: Path) -> None:
    with Bench(tmp_path, finish_timeout=10.0) as bench:
        session = bench.listen()
        session.reach(captured=30, sent=30, covered=20)
        bench.press()
        bench.advance(9.0)
        assert bench.scene().mode is Mode.FINISHING
        bench.advance(2.0)
        assert session.abandoned
        assert bench.scene().mode is Mode.SAVED
        assert bench.scene().waiting == 10.0
        bench.end(session, complete=False)
        delivery = bench.live
        assert delivery is not session
        assert delivery.name == session.name
        bench.advance(9.0)
        assert bench.scene().mode is Mode.READY
        bench.post(Disconnected(delivery.name, NO_NETWORK))
        assert bench.scene().fault is None
        bench.hear(delivery, Turn(0, "at last", finished=True))
        bench.end(delivery)
        bench.wait_for_text("at last")
        wait_until(lambda: bench.commits and bench.commits[-1].complete)
        bench.advance(0.0)
        assert bench.scene().waiting == 0.0


def test_finishing_goes_on_while_the_service_answers(tmp_path: Path) -> None:
    with Bench(tmp_path, finish_timeout=10.0) as bench:
        session = bench.listen()
        session.reach(captured=600)
        bench.press()
        for second in range(9, 45, 9):
            session.reach(sent=second)
            bench.advance(9.0)
        bench.hear(session, Turn(0, "still there"))
        bench.advance(9.0)
        assert bench.scene().mode is Mode.FINISHING
        assert not session.abandoned


# Silence


def test_an_unhandled_error_leaves_the_session_to_go_on_after_the_restart(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        bench.inbox.put(UnhandledError())
        bench.join()
        assert not session.backlog.finished


def test_silence_ends_a_session_after_a_countdown(tmp_path: Path) -> None:
    with Bench(tmp_path, auto_stop=600.0) as bench:
        session = bench.listen()
        silent_for(session, 589.0)
        bench.advance(0.1)
        assert bench.scene().hint == ""
        silent_for(session, 595.0)
        bench.advance(0.1)
        assert bench.scene().hint == "Silence: stopping in 5 s"
        silent_for(session, 601.0)
        bench.advance(0.1)
        assert bench.scene().mode is Mode.FINISHING
        assert bench.scene().hint == ""
        assert not bench.microphone.is_open


def test_a_word_ends_the_countdown(tmp_path: Path) -> None:
    with Bench(tmp_path, auto_stop=600.0) as bench:
        session = bench.listen()
        silent_for(session, 595.0)
        bench.advance(0.1)
        session.reach(last_word=594.0)
        bench.advance(0.1)
        assert bench.scene().hint == ""


def test_an_outage_is_not_silence(tmp_path: Path) -> None:
    with Bench(tmp_path, auto_stop=600.0) as bench:
        session = bench.listen()
        bench.post(Disconnected(session.name, NO_NETWORK))
        session.reach(captured=4000, sent=10)
        bench.advance(4000.0)
        assert bench.scene().mode is Mode.RECONNECTING
        assert bench.microphone.is_open


def test_zero_means_that_silence_never_ends_a_session(tmp_path: Path) -> None:
    with Bench(tmp_path, auto_stop=0.0) as bench:
        silent_for(bench.listen(), 100_000.0)
        bench.advance(100_000.0)
        assert bench.scene().mode is Mode.LISTENING
        assert bench.scene().hint == ""


# The microphone


def test_a_microphone_that_is_pulled_out_and_put_back(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.listen()
        bench.post(MicrophoneFailed(NO_MICROPHONE))
        assert bench.scene().fault == NO_MICROPHONE
        assert bench.scene().mode is Mode.LISTENING
        bench.post(MicrophoneOpened("USB", 48_000))
        assert bench.scene().fault is None


@pytest.mark.parametrize("missing_since", ["before", "during"])
def test_a_session_without_a_microphone_ends_like_one_of_silence(
    tmp_path: Path, missing_since: str
) -> None:
    with Bench(tmp_path, auto_stop=600.0) as bench:
        if missing_since == "before":
            bench.post(MicrophoneFailed(NO_MICROPHONE))
        bench.listen()
        if missing_since == "during":
            bench.post(MicrophoneFailed(NO_MICROPHONE))
        bench.advance(599.0)
        assert bench.scene().mode is Mode.LISTENING
        bench.advance(2.0)
        assert bench.scene().mode is Mode.FINISHING


def test_a_missing_microphone_is_shown_while_idle(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.post(MicrophoneFailed(NO_MICROPHONE))
        assert bench.scene().mode is Mode.READY
        assert bench.scene().fault == NO_MICROPHONE


def test_a_level_is_shown_until_it_is_outdated(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.listen()
        bench.post(LevelMeasured(0.5), OverflowCounted(1))
        assert bench.scene().level == 0.5
        bench.advance(0.6)
        assert bench.scene().level == 0.0


# Faults


def test_the_worst_fault_is_shown_and_the_next_when_it_is_gone(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        bench.post(HistoryFailed(CANT_SAVE))
        assert bench.scene().fault == CANT_SAVE
        bench.post(SpoolFailed(session.name, DISK_FAULT))
        assert bench.scene().fault == DISK_FAULT
        bench.post(Disconnected(session.name, NO_NETWORK))
        assert bench.scene().fault == NO_NETWORK
        bench.post(MicrophoneFailed(NO_MICROPHONE))
        assert bench.scene().fault == NO_MICROPHONE
        bench.post(MicrophoneOpened("USB", 48_000))
        assert bench.scene().fault == NO_NETWORK
        bench.connect(session)
        assert bench.scene().fault == DISK_FAULT
        bench.post(SpoolRecovered(session.name))
        assert bench.scene().fault == CANT_SAVE
        bench.post(HistoryRecovered())
        assert bench.scene().fault is None


def test_lost_audio_is_shown_even_without_a_network(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        bench.post(Disconnected(session.name, NO_NETWORK))
        bench.post(AudioDropped(session.name, 10.0))
        assert bench.scene().fault == Fault("Backlog is full", "check the network: words get lost")
        bench.connect(session)
        assert bench.scene().fault is None


def test_a_mistake_in_the_settings_is_shown_first(tmp_path: Path) -> None:
    mistake = Fault("Settings: mistake", "unknown key nam")
    bench = Bench(tmp_path)
    bench.fault = mistake
    with bench:
        bench.post(MicrophoneFailed(NO_MICROPHONE))
        assert bench.scene().fault == mistake


@pytest.mark.parametrize("end", [Released(), Pressed()])
def test_a_stuck_button_is_shown_until_it_moves(tmp_path: Path, end: Event) -> None:
    with Bench(tmp_path) as bench:
        bench.post(ButtonStuck())
        assert bench.scene().fault == Fault("Button is stuck", "let go, or check it")
        bench.post(end)
        assert bench.scene().fault is None


def test_a_missing_button_is_shown(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.post(ButtonFailed(Fault("No button", "check the GPIO")))
        assert bench.scene().fault == Fault("No button", "check the GPIO")


# The network, the clock and signs of life


def test_the_network_icon_is_that_of_the_service_in_a_session(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        assert bench.scene().network
        bench.press()
        assert not bench.scene().network
        bench.connect(bench.live)
        assert bench.scene().network
        bench.post(Disconnected(bench.live.name, Fault("Connection lost")))
        assert not bench.scene().network


def test_the_network_icon_is_that_of_the_routes_between_sessions(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.network = False
        bench.advance(2.0)
        assert not bench.scene().network


def test_the_time_of_day_is_shown_once_it_is_known(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        assert not bench.scene().clock
        bench.clock_is_set = True
        bench.post(Event())
        now = time.localtime(bench.wall_clock.now)
        assert bench.scene().clock == time.strftime("%H:%M", now)


def test_it_gives_signs_of_life_also_when_nothing_happens(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        before = bench.signs_of_life
        wait_until(lambda: bench.signs_of_life >= before + 2)


def test_a_part_that_hangs_ends_the_loop(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        with bench.busy_timer:
            bench.advance(29.0)
            assert bench.reason is None
            bench.advance(2.0)
            bench.join()
        assert bench.reason == PartHung("display")
        assert not session.abandoned, "it goes on after the restart"


# The screen


def test_a_status_led_shows_that_the_microphone_is_open_as_well_as_a_screen(tmp_path: Path) -> None:
    with Bench(tmp_path, visible=False) as bench:
        bench.post(StatusLedReady())
        session = bench.listen()
        bench.post(StatusLedFailed(Fault("No light")))
        bench.advance(59.0)
        assert bench.scene().mode is Mode.LISTENING
        bench.advance(2.0)
        assert bench.scene().mode is Mode.FINISHING
        bench.end(session)
        bench.post(ScreenRecovered())
        bench.press()
        assert bench.microphone.is_open


def test_without_a_screen_no_session_starts(tmp_path: Path) -> None:
    with Bench(tmp_path, visible=False) as bench:
        bench.press()
        assert bench.sessions.made == []
        assert not bench.microphone.is_open


def test_with_a_broken_screen_no_session_starts_until_it_recovers(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.post(ScreenFailed(Fault("No display")))
        bench.press()
        assert not bench.microphone.is_open
        bench.post(ScreenRecovered())
        bench.press()
        assert bench.microphone.is_open


def test_a_session_can_be_ended_though_the_screen_broke(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.listen()
        bench.post(ScreenFailed(Fault("No display")))
        bench.press()
        assert not bench.microphone.is_open


# The end


@pytest.mark.parametrize("event", [StopRequested(), SettingsChanged()])
def test_it_ends_at_once_without_a_session(tmp_path: Path, event: Event) -> None:
    with Bench(tmp_path) as bench:
        bench.post(event)
        bench.join()
        assert bench.reason == event


def test_the_end_of_the_program_finishes_the_session_first(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        bench.post(StopRequested())
        assert bench.scene().mode is Mode.FINISHING
        assert session.backlog.finished
        bench.hear(session, Turn(0, "last words", finished=True))
        bench.end(session)
        bench.join()
        assert bench.reason == StopRequested()
        bench.wait_for_text("last words")


def test_the_end_of_the_program_waits_no_longer_than_finish_timeout(tmp_path: Path) -> None:
    with Bench(tmp_path, finish_timeout=5.0) as bench:
        session = bench.listen()
        bench.post(StopRequested())
        bench.advance(6.0)
        bench.join()
        assert session.abandoned
        assert bench.sessions.made == [session]  # no delivery begins now


def test_a_press_does_not_delay_the_end_of_the_program(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        bench.post(StopRequested())
        bench.press()
        assert not bench.microphone.is_open
        bench.end(session)
        bench.join()


def test_new_settings_wait_for_the_end_of_the_session(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        bench.post(SettingsChanged())
        assert bench.scene().mode is Mode.LISTENING
        assert bench.microphone.is_open
        bench.press()
        bench.end(session)
        bench.join()
        assert bench.reason == SettingsChanged()


def test_the_end_of_the_program_comes_before_new_settings(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        bench.post(SettingsChanged(), StopRequested(), SettingsChanged())
        bench.end(session)
        bench.join()
        assert bench.reason == StopRequested()


# The clock


def test_a_clock_that_is_set_corrects_the_history(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.wall_clock.now = 1000.0
        session = bench.listen()
        bench.hear(session, Turn(0, "in 1970", finished=True))
        bench.wait_for_text("in 1970")
        bench.advance(60.0)
        bench.wall_clock.now = 1_700_000_000.0
        bench.advance(0.0)
        wait_until(lambda: bench.stored()[0].started == pytest.approx(1_700_000_000.0 - 60.0))
        bench.press()
        bench.end(session)
        wait_until(lambda: bench.stored()[0].ended is not None)


# A crash


def refuse(*_: object) -> None:
    raise OSError(errno.EIO, "Input/output error")


def left_behind(bench: Bench, name: str, *, boot: str, began_at: float) -> None:
    """Leave behind what an earlier run of the program had not finished."""
    recording = Recording(
        name, bench.wall_clock.now - 1000.0 + began_at, began_at, boot, finished=False
    )
    folder = bench.settings.spool / name
    backlog = Backlog(folder, recording, lambda _: None)
    backlog.open()
    backlog.append(bytes(2 * SAMPLE_RATE), began_at)
    backlog.close()
    bench.sessions.listening.write(name)


def test_a_session_that_a_crash_interrupted_goes_on_listening(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    left_behind(bench, "cutoff", boot=bench.sessions.boot, began_at=940.0)
    with bench:
        assert bench.scene().mode is Mode.CONNECTING
        assert bench.microphone.is_open
        assert bench.scene().elapsed == 60.0
        session = bench.live
        assert session.name == "cutoff"
        assert session.backlog.captured == SAMPLE_RATE
        bench.connect(session)
        bench.press()
        bench.hear(session, Turn(0, "before and after", finished=True))
        bench.end(session)
        bench.wait_for_text("before and after")
        assert [kept.id for kept in bench.stored()] == ["cutoff"]


def test_an_interrupted_session_waits_until_something_shows_it(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, visible=False)
    left_behind(bench, "cutoff", boot=bench.sessions.boot, began_at=940.0)
    with bench:
        assert not bench.microphone.is_open
        bench.advance(19.0)
        bench.post(ScreenRecovered())
        assert bench.microphone.is_open
        assert bench.scene().mode is Mode.CONNECTING


def test_an_interrupted_session_that_nothing_shows_is_only_transcribed(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, visible=False)
    left_behind(bench, "cutoff", boot=bench.sessions.boot, began_at=940.0)
    with bench:
        bench.advance(21.0)
        bench.post(ScreenRecovered())
        assert not bench.microphone.is_open
        assert bench.scene().mode is Mode.READY
        assert bench.live.backlog.finished
        assert bench.scene().waiting == 1.0


def test_a_session_ended_while_the_disk_takes_no_writes_does_not_listen_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        session.backlog.append(bytes(2 * SAMPLE_RATE), bench.clock.now)
        wait_until(lambda: list(session.backlog._folder.glob("*.pcm")))
        with monkeypatch.context() as dead_disk:
            dead_disk.setattr(writer, "write_manifest", refuse)
            bench.press()
            bench.end(session, complete=False)
            bench.open_sessions.close()
    again = Bench(tmp_path)
    [(backlog, _)] = again.sessions.left_over()
    assert not backlog.recording.finished  # as the disk has it
    backlog.close()
    with again:
        assert not again.microphone.is_open
        assert again.live.backlog.finished


def test_a_session_that_a_power_cut_interrupted_is_delivered(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    left_behind(bench, "cutoff", boot="another boot", began_at=940.0)
    with bench:
        assert bench.scene().mode is Mode.READY
        assert not bench.microphone.is_open
        assert bench.scene().waiting == 1.0
        assert bench.live.name == "cutoff"


def test_events_of_a_session_that_is_over_are_ignored(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        bench.press()
        bench.end(session)
        wait_until(lambda: len(bench.commits) == 1)
        bench.post(
            Connected(session.name, Covered()),
            Disconnected(session.name, NO_NETWORK),
            Committed(session.name, Covered()),
        )
        assert bench.scene().mode is Mode.SAVED
        assert bench.scene().fault is None
