"""The paho client of one connection: who we are to the broker, and what it may send us."""

import ssl

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from appliance.mqtt.errors import PASSWORD_TOO_LONG, BrokerError, untrusted
from appliance.settings.schema import MqttSettings

CONNECT_TIME = 5.0
"""Seconds for the network, again for TLS, and again for the broker to let us in."""

KEEPALIVE = 15
"""Seconds of silence after which the broker is asked whether it is there, and again until it counts
as gone. It does the same, and then publishes the last will.
"""

QOS = 1
"""At least once: each message is acknowledged."""

LONGEST_PASSWORD = 1024
"""Bytes; what is longer is a file that was named by mistake."""

LARGEST_PACKET = 65_536
"""Bytes that the broker may send at once, so that nobody fills the memory of a small box; it keeps
back what is larger (MQTT 5.0, section 3.1.2.11.4). MQTT 3.1.1 knows no such limit.
"""

MOST_UNDER_WAY = 8
"""Messages that wait for their acknowledgement at once; brokers set limits from 10 up."""

MQTT_5, MQTT_3 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311


def client_for(
    settings: MqttSettings,
    password: str,
    client_id: str,
    last_will: str | None,
    version: MQTTProtocolVersion,
) -> Client:
    """Return a client that has not connected yet. Its session ends with its connection.

    Raises:
        BrokerError: the password is none, or the certificates can't be read.
        ValueError: the settings hold what MQTT has no room for.
    """
    if len(password.encode()) > LONGEST_PASSWORD:
        raise BrokerError(PASSWORD_TOO_LONG, f"it holds over {LONGEST_PASSWORD} bytes")
    client = Client(
        CallbackAPIVersion.VERSION2, client_id, protocol=version, reconnect_on_failure=False
    )
    client.connect_timeout = CONNECT_TIME
    client.max_inflight_messages = MOST_UNDER_WAY
    if settings.username:
        client.username_pw_set(settings.username, password)
    if last_will:
        client.will_set(last_will, "offline", QOS, retain=True)
    if settings.tls:
        client.tls_set_context(_trust(settings.tls))
    return client


def connect(client: Client, settings: MqttSettings) -> None:
    """Connect to the broker, and ask to be let in.

    Raises:
        OSError: it is not there, or not to be trusted.
        ValueError, struct.error: the settings hold what MQTT has no room for.
    """
    limits = None
    if client.protocol is MQTT_5:
        limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's lack
        limits.MaximumPacketSize = LARGEST_PACKET
    client.connect(settings.host, settings.port_or_default, KEEPALIVE, properties=limits)


def _trust(tls: bool | str) -> ssl.SSLContext:
    file = tls if isinstance(tls, str) else None
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:
        raise untrusted(file or "certificates", error) from error
