"""paho client of one connection: identity, limits, trust, and a network thread that hands over."""

import contextlib
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable
from functools import partial

from paho.mqtt import MQTTException
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import MalformedPacket, Properties  # type: ignore[attr-defined]

from appliance.mqtt.errors import PASSWORD_TOO_LONG, BrokerError, untrusted
from appliance.mqtt.topics import OFFLINE
from appliance.settings.schema import MqttSettings
from appliance.system.connector import connect
from appliance.system.time_limit import TimeLimit
from appliance.system.trust import tls_context

DISCONNECT_TIMEOUT = 0.5
"""Seconds for the network thread to send a DISCONNECT."""

KEEPALIVE = 15
"""Seconds of silence before a ping, and from there until the broker counts as gone. The broker
counts the same way, and then publishes the last will.
"""

QOS = 1
"""At least once: each message is acknowledged."""

MAX_PASSWORD_BYTES = 1024
"""More is a file that was named by mistake."""

MAX_PACKET_BYTES = 65_536
"""Largest packet that the broker may send, so that nobody fills the memory of a small box; it drops
larger messages (MQTT 5.0, section 3.1.2.11.4). MQTT 3.1.1 knows no such limit.
"""

MAX_INFLIGHT = 8
"""Messages that wait for their acknowledgement at once; brokers set limits from 10 up."""

MAX_HANDED_OVER = 1000
"""Answers of the broker that wait to be read; one that sends more is given up."""

MQTT_5, MQTT_3 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311

NOT_MQTT = (LookupError, ValueError, struct.error, MQTTException, MalformedPacket)
"""What paho raises, depending on its release, when it receives something else than MQTT."""

ABORT, FINISH = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)
"""What becomes of unsent bytes when a socket is closed: dropped or delivered (SO_LINGER)."""


class NetworkClient(Client):
    """paho's client, whose callbacks are carried out on its owner's thread.

    paho's network thread only hands them over. It does not reconnect: paho would publish again
    what it held, however late that is.

    Args:
        client_id: as who; the broker drops an older connection of the same one.
        version: of the protocol.

    Attributes:
        on_end: called by `carry_out` with the reason once the network thread has ended.
        has_thread: whether that thread runs.
    """

    def __init__(self, client_id: str = "", version: MQTTProtocolVersion = MQTT_5) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2, client_id, protocol=version, reconnect_on_failure=False
        )
        self.max_inflight_messages = MAX_INFLIGHT
        self.on_end: Callable[[str], None] = lambda _reason: None
        self.has_thread = False
        self._opening = TimeLimit()
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def start(self, settings: MqttSettings, timeout: float) -> None:
        """Connect within some seconds, ask to be let in, and start the network thread.

        Raises:
            OSError: it is not there, or not to be trusted.
            ValueError, struct.error: the settings hold what MQTT has no room for.
        """
        limits = None
        if self.protocol is MQTT_5:
            limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's lack
            limits.MaximumPacketSize = MAX_PACKET_BYTES
        with TimeLimit(timeout) as self._opening:
            self.connect(settings.host, settings.port_or_default, KEEPALIVE, properties=limits)
        # Otherwise some small packets in a row would wait for an acknowledgement, 40 ms.
        self._set_option(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._set_option(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        self.has_thread = True
        self.loop_start()

    def _create_socket_connection(self) -> socket.socket:
        """Return a connected socket: paho calls this, and then adds TLS."""
        return connect(self.host, self.port, self._opening)

    def loop_forever(
        self, timeout: float = 1.0, retry_first_connection: bool = False
    ) -> MQTTErrorCode:
        """Run the network thread: paho calls this on it. Whatever ends it is handed over."""
        reason = "connection lost"
        try:
            return super().loop_forever(timeout, retry_first_connection)
        except NOT_MQTT as error:
            reason = f"what it sends is no MQTT ({type(error).__name__})"
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        finally:
            self.hand_over(self._end, threading.current_thread(), reason)

    def later(self, call: Callable[..., None]) -> Callable[..., None]:
        """Return a callback that hands over `call` with what follows paho's client and user data.

        It must not wait: paho may hold a lock for which `publish` waits.
        """
        calls = self._calls

        def callback(_client: Client, _data: object, *args: object) -> None:
            if calls.qsize() >= MAX_HANDED_OVER:
                raise MQTTException("too many answers")
            calls.put(partial(call, *args))

        return callback

    def hand_over(self, call: Callable[..., None], *args: object) -> None:
        """Have `carry_out` make a call. Any thread may do so; returns at once."""
        self._calls.put(partial(call, *args))

    def wake(self) -> None:
        """Let `carry_out` return. Any thread may call this."""
        if self._calls.empty():
            self.hand_over(lambda: None)

    def carry_out(self, timeout: float) -> None:
        """Make a call that was handed over, or return after some seconds."""
        with contextlib.suppress(queue.Empty):
            self._calls.get(timeout=max(0.0, timeout))()

    def carry_out_until(self, done: Callable[[], object], timeout: float) -> bool:
        """Make calls until something is done; return whether it is, after some seconds at most."""
        deadline = time.monotonic() + timeout
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.carry_out(left)
        return True

    def finish(self) -> None:
        """Say goodbye, and let what is on its way arrive."""
        self._set_option(socket.SOL_SOCKET, socket.SO_LINGER, FINISH)
        self.disconnect()
        self.carry_out_until(lambda: not self.has_thread, DISCONNECT_TIMEOUT)

    def cut(self) -> None:
        """Let the network thread close the connection: what is on its way never arrives.

        Any thread may call this; returns at once.
        """
        open_socket = self.socket()
        if isinstance(open_socket, socket.socket):
            with contextlib.suppress(OSError):
                # That thread reads the end. Not by the method of SSLSocket: after that one, it
                # would send unencrypted.
                socket.socket.shutdown(open_socket, socket.SHUT_RD)

    def abort(self) -> None:
        """Cut the connection, and end the network thread.

        `on_message` has to raise an MQTTException from now on, or a flood of messages delays this.
        """
        open_socket = self.socket()
        self.cut()
        while self.has_thread:
            self._calls.get()()
        if open_socket is not None:
            open_socket.close()

    def _end(self, thread: threading.Thread, reason: str) -> None:
        thread.join()
        self.has_thread = False
        self.on_end(reason)

    def _set_option(self, level: int, option: int, value: int | bytes) -> None:
        open_socket = self.socket()
        if isinstance(open_socket, socket.socket):
            open_socket.setsockopt(level, option, value)


def client_for(
    settings: MqttSettings,
    password: str,
    client_id: str,
    last_will: str | None,
    version: MQTTProtocolVersion,
) -> NetworkClient:
    """Return a client that has not connected yet; `last_will` is a topic.

    Raises:
        BrokerError: the password is none, or the certificates can't be read.
        ValueError: the settings hold what MQTT has no room for.
    """
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        raise BrokerError(PASSWORD_TOO_LONG, f"it holds over {MAX_PASSWORD_BYTES} bytes")
    client = NetworkClient(client_id, version)
    if settings.username:
        client.username_pw_set(settings.username, password)
    if last_will:
        client.will_set(last_will, OFFLINE, QOS, retain=True)
    if settings.tls:
        file = settings.tls if isinstance(settings.tls, str) else None
        try:
            client.tls_set_context(tls_context(file or ""))
        except OSError as error:
            raise untrusted(file or "certificates", error) from error
    return client
