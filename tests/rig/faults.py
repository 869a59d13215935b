"""Faults of the scripted service: arguments of `ScriptedService.on_connection`.

Each takes effect once for each connection that it is scripted for. Audio is counted per
connection, and time from the connection's handshake.
"""

import time
from typing import Literal

from tests.rig.connection import Behaviour, Connection, Heartbeats

How = Literal["reset", "close"]

RATE_TEXT = "Audio Transmission Rate Exceeded: Received {:.1f} sec. audio in {:.1f} sec"


# Before the session


def refuse_handshake(status: int, body: str = "") -> Behaviour:
    """Answer the handshake with an HTTP status."""
    return Behaviour(before_handshake=lambda connection: connection.answer_http(status, body))


def never_answer() -> Behaviour:
    """Accept the TCP connection, and leave the handshake unanswered."""
    return Behaviour(before_handshake=Connection.go_silent)


def drop_handshake() -> Behaviour:
    """Reset the connection during the handshake."""
    return Behaviour(before_handshake=Connection.reset)


def slow_handshake(seconds: float) -> Behaviour:
    """Answer the handshake late."""

    def wait(connection: Connection) -> None:
        connection.stopping.wait(seconds)

    return Behaviour(before_handshake=wait)


def refuse(code: int, text: str, reason: str | None = None) -> Behaviour:
    """Complete the handshake, then send an `Error` and close with its code, before `Begin`.

    Without a `reason` of its own, the close repeats the text.
    """
    return Behaviour(opened=lambda connection: connection.fail(code, text, reason))


# In the session


def drop_after(
    seconds_of_audio: float, how: How = "reset", code: int = 1011, reason: str = ""
) -> Behaviour:
    """Reset the connection, or close it with a code, once so much audio arrived."""

    def drop(connection: Connection) -> None:
        if connection.record.audio_seconds >= seconds_of_audio:
            _end(connection, how, code, reason)

    return Behaviour(audio_arrived=drop, ticked=drop)


def fail_after(seconds_of_audio: float, code: int, text: str) -> Behaviour:
    """Send an `Error` and close with its code once so much audio arrived."""

    def fail(connection: Connection) -> None:
        if connection.record.audio_seconds >= seconds_of_audio:
            connection.fail(code, text)

    return Behaviour(audio_arrived=fail, ticked=fail)


def end_session_after(
    code: int = 3008, seconds: float = 0.0, text: str = "Session expired"
) -> Behaviour:
    """Send an `Error` and close with its code once the session is so many seconds old."""

    def end(connection: Connection) -> None:
        if _age(connection) >= seconds:
            connection.fail(code, text)

    return Behaviour(ticked=end)


def go_silent_after(seconds_of_audio: float) -> Behaviour:
    """Stop reading and answering once so much audio arrived, with the socket left open.

    The kernel still acknowledges until its small buffer is full.
    """

    def go_silent(connection: Connection) -> None:
        if connection.record.audio_seconds >= seconds_of_audio:
            connection.go_silent()

    return Behaviour(audio_arrived=go_silent, ticked=go_silent)


def vanish_after(seconds_of_audio: float) -> Behaviour:
    """Let all packets vanish once so much audio arrived: nothing is even acknowledged."""

    def vanish(connection: Connection) -> None:
        if connection.record.audio_seconds >= seconds_of_audio:
            connection.vanish()

    return Behaviour(audio_arrived=vanish, ticked=vanish)


def rate_limit(ahead: float, factor: float = 1.0) -> Behaviour:
    """Refuse audio (3007) beyond `ahead` seconds plus `factor` times the session's age."""

    def limit(connection: Connection) -> None:
        received, age = connection.record.audio_seconds, _age(connection)
        if received > ahead + factor * age:
            connection.fail(3007, RATE_TEXT.format(received, age))

    return Behaviour(audio_arrived=limit)


def say_after(seconds_of_audio: float, *messages: str | bytes) -> Behaviour:
    """Send these messages as they are, once, when so much audio arrived."""
    said: set[int] = set()

    def say(connection: Connection) -> None:
        number = connection.record.number
        if connection.record.audio_seconds >= seconds_of_audio and number not in said:
            said.add(number)
            for message in messages:
                connection.send_raw(message)

    return Behaviour(audio_arrived=say, ticked=say)


def deaf_between(start: float, end: float, heartbeats: Heartbeats) -> Behaviour:
    """Hear nothing of the audio that arrives between two moments, in monotonic seconds.

    Pings are answered and audio is read, as if only the recognizer hung.
    """

    def look(connection: Connection) -> None:
        connection.heartbeats = heartbeats
        connection.is_deaf = start <= time.monotonic() < end

    return Behaviour(opened=look, ticked=look)


def stop_heartbeats_after(seconds_of_audio: float) -> Behaviour:
    """Send no more heartbeats once so much audio arrived; all else goes on."""

    def stop(connection: Connection) -> None:
        connection.is_mute = connection.record.audio_seconds >= seconds_of_audio

    return Behaviour(ticked=stop)


# At its end


def drop_on_terminate(how: How = "reset", code: int = 1011, reason: str = "") -> Behaviour:
    """Drop the connection instead of finishing the session."""
    return Behaviour(terminating=lambda connection: _end(connection, how, code, reason))


def ignore_terminate() -> Behaviour:
    """Never answer `Terminate`; the session stays open."""

    def ignore(connection: Connection) -> None:
        connection.ignores_terminate = True

    return Behaviour(opened=ignore)


def _end(connection: Connection, how: How, code: int, reason: str) -> None:
    if how == "reset":
        connection.reset()
    else:
        connection.close(code, reason)


def _age(connection: Connection) -> float:
    assert connection.record.opened_at is not None, "it is asked for after the handshake only"
    return time.monotonic() - connection.record.opened_at
