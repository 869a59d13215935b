"""Cases of the words benchmark: faults while somebody speaks.

Each function puts one on, from switching on to the last word transcribed. It says when the fault
was over, where something is said afterwards: from then on captions have to become live again.
"""

import time
from collections.abc import Callable
from typing import Literal

from appliance.screen.scene import Mode
from tests.benchmarks.spool import leave_behind
from tests.benchmarks.trial import Trial
from tests.rig.connection import Behaviour, Connection, Heartbeats
from tests.rig.faults import (
    deaf_between,
    drop_after,
    drop_handshake,
    drop_on_terminate,
    go_silent_after,
    never_answer,
    rate_limit,
    refuse,
    stop_heartbeats_after,
    vanish_after,
)
from tests.rig.numbered import speech
from tests.rig.proxy import Proxy
from tests.rig.waiting import wait_until

Case = Callable[[Trial], None]

WORDS_PER_SECOND = 2
TURN = 6
"""What `speech` makes: a turn of six words takes three seconds."""


def calm(trial: Trial) -> None:
    """Nothing goes wrong."""
    trial.recovers(since=trial.listen(speech(40)))
    trial.finish()


def slow_handshake(seconds: float) -> Case:
    """Every handshake takes so long."""

    def case(trial: Trial) -> None:
        trial.service.handshake_delay = seconds
        trial.listen(speech(40))
        record = trial.service.wait_for_connection()
        wait_until(lambda: record.opened_at)
        trial.recovers(since=record.opened_at or 0.0)
        trial.finish()

    return case


def drop(how: Literal["reset", "close"]) -> Case:
    """The connection ends in the middle of a sentence."""

    def case(trial: Trial) -> None:
        trial.service.on_connection(1, drop_after(6.5, how))
        trial.listen(speech(40))
        record = trial.service.wait_for_connection()
        wait_until(lambda: record.closed_at)
        trial.recovers(since=record.closed_at or 0.0)
        trial.finish()

    return case


def drop_by_silence(trial: Trial) -> None:
    """The connection's packets vanish, with no reset; a new connection works."""
    trial.service.on_connection(1, vanish_after(6.5))
    trial.listen(speech(60))
    trial.service.wait_for_connection(2, within=60)
    trial.recovers(since=trial.service.connections[0].frames[-1].at)
    trial.finish()


def drop_by_deafness(trial: Trial) -> None:
    """The service stops reading and answering, while its kernel keeps the connection open."""
    trial.service.on_connection(1, go_silent_after(6.5))
    trial.listen(speech(100))
    trial.service.wait_for_connection(2, within=60)
    trial.recovers(since=trial.service.connections[0].frames[-1].at)
    trial.finish()


def outage(trial: Trial) -> None:
    """For 30 s all connections are refused: the service's and the token server's."""
    trial.go_through_network()
    trial.listen(speech(140))
    trial.wait_until_said(6.5)
    for network in (trial.network, trial.token_network):
        network.refuse(30)
        network.cut()
    trial.wait_until_said(36.5)
    trial.recovers(since=time.monotonic())
    trial.finish()


def cable_out(trial: Trial) -> None:
    """For 30 s every packet vanishes."""
    trial.go_through_network()
    trial.listen(speech(140))
    trial.wait_until_said(6.5)
    for network in (trial.network, trial.token_network):
        network.blackhole()
    trial.wait_until_said(36.5)
    for network in (trial.network, trial.token_network):
        network.end_blackhole()
    trial.recovers(since=time.monotonic())
    trial.finish()


def drop_in_handshake(trial: Trial) -> None:
    """The first connections are reset during their handshakes, and one in the session."""
    trial.service.on_connection(1, drop_handshake())
    trial.service.on_connection(2, drop_handshake())
    trial.service.on_connection(3, drop_after(6.5))
    trial.service.on_connection(4, drop_handshake())
    trial.listen(speech(40))
    record = trial.service.wait_for_connection(4, within=60)
    wait_until(lambda: record.closed_at)
    trial.recovers(since=record.closed_at or 0.0)
    trial.finish()


def drop_in_finishing(trial: Trial) -> None:
    """The connection is reset when the session is to be finished."""
    trial.service.on_connection(1, drop_on_terminate())
    trial.listen(speech(20))
    trial.finish()


def login_page(trial: Trial) -> None:
    """For 60 s a login page answers in place of the service and of the token server."""
    trial.go_through_network()
    trial.listen(speech(200))
    trial.wait_until_said(6.5)
    trial.show_login_page()
    trial.wait_until_said(66.5)
    trial.end_login_page()
    trial.recovers(since=time.monotonic())
    trial.finish()


def dead_first_address(trial: Trial) -> None:
    """The first address of service and token server never answers; the second one does."""
    trial.have_dead_first_address()
    trial.recovers(since=trial.listen(speech(40)))
    trial.finish()


def no_tokens(trial: Trial) -> None:
    """The token server is down for 20 s, and the connection drops meanwhile."""
    trial.service.on_connection(1, drop_after(6.5))
    trial.listen(speech(100))
    trial.wait_until_said(5)
    trial.service.token_down_for(20)
    trial.wait_until_said(25)
    trial.recovers(since=time.monotonic())
    trial.finish()


def gone_for_good(then: Behaviour | None = None, *, drops_there: bool = False) -> Case:
    """The service breaks off and does not come back: the session goes on at the fallback.

    Either nobody is at its address any more, or it does `then` with each new connection.
    """

    def case(trial: Trial) -> None:
        trial.have_fallback()
        trial.service.on_connection(1, drop_after(6.5))
        if drops_there:
            for number, seconds in enumerate((5.1, 3.3), start=1):
                trial.fallback.on_connection(number, drop_after(seconds))
        trial.listen(speech(100))
        record = trial.service.wait_for_connection()
        wait_until(lambda: record.closed_at)
        if then:
            trial.service.on_every_connection(then)
        else:
            trial.service.down_for()
        trial.recovers(since=record.closed_at or 0.0)
        trial.finish()

    return case


def gone_silently(how: Callable[[Proxy], None]) -> Case:
    """The network to the service fails without a word; its token server answers.

    There is a fallback.
    """

    def case(trial: Trial) -> None:
        trial.go_through_network()
        trial.have_fallback()
        trial.listen(speech(120))
        trial.wait_until_said(6.5)
        how(trial.network)
        trial.recovers(since=time.monotonic())
        trial.finish()

    return case


def gone_deaf(trial: Trial) -> None:
    """The service hangs: its kernel takes what comes, and nobody answers. There is a fallback."""
    trial.have_fallback()
    trial.service.on_connection(1, hang_after(6.5))
    trial.listen(speech(120))
    record = trial.service.wait_for_connection()
    wait_until(lambda: record.audio_seconds >= 6.5)
    trial.service.on_every_connection(never_answer())
    trial.recovers(since=record.frames[-1].at)
    trial.finish()


def hang_after(seconds_of_audio: float) -> Behaviour:
    """Read no more once so much audio arrived; the kernel goes on to acknowledge."""

    def hang(connection: Connection) -> None:
        if connection.record.audio_seconds >= seconds_of_audio:
            connection.stopping.wait()

    return Behaviour(ticked=hang)


DEAF_FROM = 6.5
DEAF_FOR = 60.0
"""Seconds after the press at which the recognizer begins to hear nothing, and for how long."""


def deaf_engine(heartbeats: Heartbeats, *, dies: bool = False, pro: bool = False) -> Case:
    """The recognizer hears nothing for 60 s, while pings are answered and audio is taken.

    Heartbeats go on, stand still or stop meanwhile; the connection may die before the end of it.
    """

    def case(trial: Trial) -> None:
        if pro:
            trial.ask_for_model("universal-3-6-pro")
        pressed_at = trial.listen(speech(200))
        ends_at = pressed_at + DEAF_FROM + DEAF_FOR
        deaf = deaf_between(pressed_at + DEAF_FROM, ends_at, heartbeats)
        record = trial.service.wait_for_connection()
        wait_until(lambda: record.opened_at)
        trial.service.now(deaf)
        trial.service.on_every_connection(deaf)
        if dies:
            trial.service.now(drop_after(40.0))
        trial.wait_until_said(DEAF_FROM + DEAF_FOR)
        trial.recovers(since=time.monotonic())
        trial.finish()

    return case


def heartbeats_stop(trial: Trial) -> None:
    """Heartbeats stop while the recognizer goes on to hear."""
    trial.service.on_connection(1, stop_heartbeats_after(16.0))
    trial.listen(speech(100))
    trial.service.wait_for_connection(2, within=60)
    trial.recovers(since=time.monotonic())
    trial.finish()


def nobody_speaks(trial: Trial) -> None:
    """Heartbeats come without turns for a minute, then the connection drops."""
    audio = speech(24, pauses={11: 60_000})
    silence_ends = audio.words[12].first / 100
    trial.service.on_connection(1, drop_after(silence_ends - 0.3))
    trial.listen(audio)
    trial.wait_until_said(silence_ends)
    record = trial.service.connections[0]
    wait_until(lambda: record.closed_at)
    trial.recovers(since=record.closed_at or 0.0)
    trial.finish()


def silences_overlap_speech(trial: Trial) -> None:
    """Silences reach half a second into the speech around them, and connections drop."""
    trial.ask_for_model("universal-3-6-pro")
    audio = speech(60, turn_gap_ms=2_000)
    for number, seconds in enumerate((11.3, 7.7, 9.1, 5.9), start=1):
        trial.service.on_connection(number, drop_after(seconds))
    trial.listen(audio)
    record = trial.service.wait_for_connection(4, within=60)
    wait_until(lambda: record.closed_at, within=60)
    trial.recovers(since=record.closed_at or 0.0)
    trial.finish()


def turns_late(trial: Trial) -> None:
    """Turns come all at once, 20 s late, from a service that acknowledges all audio in time."""
    trial.service.hearing_delay = 20.0
    trial.listen(speech(100))
    trial.finish()


def rate_refused(ahead: float, factor: float, waiting: float, spoken: float) -> Case:
    """So many seconds of audio wait at the start, and the service takes no more than so much ahead.

    Somebody speaks for `spoken` seconds more, while the backlog is sent.
    """

    def case(trial: Trial) -> None:
        words_waiting = round(waiting * WORDS_PER_SECOND) // TURN * TURN
        audio = speech(words_waiting + round(spoken * WORDS_PER_SECOND))
        # In the pause between two turns.
        before = (audio.words[words_waiting].first - 20) / 100
        trial.service.on_every_connection(rate_limit(ahead, factor))
        trial.hear(audio, spoken_before=before)
        leave_behind(trial.folder, audio.pcm[: round(before * 16_000) * 2])
        trial.switch_on()
        trial.program.wait_for(lambda report: report.mode == Mode.LISTENING.value)
        trial.speak()
        trial.recovers(since=trial.microphone.spoke_at)
        trial.finish()

    return case


def slow_uplink(trial: Trial) -> None:
    """For 30 s the uplink takes 20 kB/s, while the microphone delivers 32."""
    trial.go_through_network()
    trial.listen(speech(120))
    trial.wait_until_said(5)
    trial.network.throttle(20_000)
    trial.wait_until_said(35)
    trial.network.throttle(float("inf"))
    trial.recovers(since=time.monotonic())
    trial.finish()


def microphone_out(trial: Trial) -> None:
    """The microphone is pulled out, and put back after 5 s."""
    trial.listen(speech(60))
    trial.wait_until_said(6.5)
    trial.microphone.unplug()
    trial.wait_until_said(11.5)
    trial.microphone.plug()
    trial.recovers(since=time.monotonic())
    trial.finish()


def card_stalls(trial: Trial) -> None:
    """The card takes no write for 45 s, and another session begins meanwhile. Needs root."""
    card = trial.have_card()
    trial.listen(speech(140))
    trial.wait_until_said(6.5)
    card.freeze()
    trial.wait_until_said(20)
    trial.press()
    trial.wait_until_said(21)
    trial.press()
    trial.wait_until_said(51.5)
    card.thaw()
    trial.recovers(since=time.monotonic())
    trial.finish()


def crash(trial: Trial) -> None:
    """The program is killed with SIGKILL in the middle of a word, and started again."""
    audio = speech(60)
    trial.listen(audio)
    trial.wait_until_said(audio.words[20].first / 100 + 0.15)
    trial.kill()
    time.sleep(1)
    trial.switch_on()
    trial.recovers(since=time.monotonic())
    trial.finish()


def inexact_times(trial: Trial) -> None:
    """The words' times are off by up to 150 ms either way, and connections drop."""
    trial.service.word_time_error_ms = 150
    _drop_again_and_again(trial)


def lost_formatting(trial: Trial) -> None:
    """The formatted message of a finished turn never comes, and connections drop."""
    trial.service.lose_formatted = True
    _drop_again_and_again(trial)


def _drop_again_and_again(trial: Trial) -> None:
    for number, seconds in enumerate((5.1, 3.3, 4.7, 2.9), start=1):
        trial.service.on_connection(number, drop_after(seconds))
    trial.listen(speech(60))
    record = trial.service.wait_for_connection(4, within=60)
    wait_until(lambda: record.closed_at, within=60)
    trial.recovers(since=record.closed_at or 0.0)
    trial.finish()


def long_silence(trial: Trial) -> None:
    """After two minutes of silence the connection drops, just before somebody speaks again."""
    audio = speech(24, pauses={11: 120_000})
    silence_ends = audio.words[12].first / 100
    trial.service.on_connection(1, drop_after(silence_ends - 0.3))
    trial.listen(audio)
    trial.wait_until_said(silence_ends)
    record = trial.service.connections[0]
    wait_until(lambda: record.closed_at)
    trial.recovers(since=record.closed_at or 0.0)
    trial.finish()


def press_press_press(trial: Trial) -> None:
    """Somebody stops and starts, again and again, without waiting for anything."""
    trial.service.handshake_delay = 0.3
    trial.service.hearing_delay = 0.3
    trial.listen(speech(60))
    for stops_at in (4.1, 6.2, 8.0, 8.6, 9.2, 12.3):
        trial.wait_until_said(stops_at)
        trial.press()
        time.sleep(0.2)
        last_start = trial.press()
    trial.recovers(since=last_start)
    trial.finish()


CASES: dict[str, Case] = {
    "calm": calm,
    "slow-handshake-0.5s": slow_handshake(0.5),
    "slow-handshake-4s": slow_handshake(4.0),
    "drop-by-reset": drop("reset"),
    "drop-by-close-code": drop("close"),
    "drop-by-silence": drop_by_silence,
    "drop-by-deaf-service": drop_by_deafness,
    "outage-30s-refused": outage,
    "outage-30s-silent": cable_out,
    "login-page-60s": login_page,
    "dead-first-address": dead_first_address,
    "drop-in-handshake": drop_in_handshake,
    "drop-in-finishing": drop_in_finishing,
    "no-tokens-20s": no_tokens,
    "rate-refused-310s-ahead": rate_refused(310, 1.0, waiting=330, spoken=60),
    "rate-refused-2s+1.25x": rate_refused(2, 1.25, waiting=12, spoken=80),
    "fallback-when-refused": gone_for_good(),
    "fallback-when-3005": gone_for_good(refuse(3005, "Server error")),
    "fallback-when-silent": gone_silently(Proxy.blackhole),
    "fallback-when-stalled": gone_silently(Proxy.pause),
    "fallback-when-deaf": gone_deaf,
    "fallback-that-drops": gone_for_good(drops_there=True),
    "deaf-60s-acknowledging": deaf_engine("go on"),
    "deaf-60s-standing-still": deaf_engine("stand still"),
    "deaf-60s-without-heartbeats": deaf_engine("stop"),
    "deaf-60s-then-drop": deaf_engine("go on", dies=True),
    "deaf-60s-pro-model": deaf_engine("go on", pro=True),
    "heartbeats-without-turns": nobody_speaks,
    "heartbeats-stop": heartbeats_stop,
    "silences-overlap-speech": silences_overlap_speech,
    "turns-20s-late": turns_late,
    "slow-uplink-30s": slow_uplink,
    "microphone-out-5s": microphone_out,
    "card-stalls-45s": card_stalls,
    "crash": crash,
    "inexact-word-times": inexact_times,
    "formatted-turns-lost": lost_formatting,
    "long-silence-then-drop": long_silence,
    "press-press-press": press_press_press,
}
