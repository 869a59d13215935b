"""Real message bus with a scripted logind and systemd on it."""

import shutil
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from jeepney import HeaderFields, MessageType, message_bus, new_error, new_method_return
from jeepney.io.blocking import DBusConnection, open_dbus_connection

needs_a_bus = pytest.mark.skipif(not shutil.which("dbus-daemon"), reason="no dbus-daemon")

CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>custom</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class MessageBus:
    """A dbus-daemon with the two services that power a box off, until the `with` block ends.

    Args:
        folder: for its files.
        state: what systemd says that the system is.
        refusal: the D-Bus error with which logind answers; empty to obey.

    Attributes:
        address: the value for $DBUS_SYSTEM_BUS_ADDRESS.
        calls: the methods that were called, with their arguments.
    """

    def __init__(self, folder: Path, *, state: str = "running", refusal: str = "") -> None:
        self._folder = folder
        self._state = state
        self._refusal = refusal
        self.address = f"unix:path={folder / 'bus'}"
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self._thread = threading.Thread(target=self._serve, name="logind", daemon=True)

    def __enter__(self) -> Self:
        configuration = self._folder / "bus.conf"
        configuration.write_text(CONFIGURATION.format(socket=self._folder / "bus"))
        self._daemon = subprocess.Popen(
            ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
        )
        assert self._daemon.stdout
        self._daemon.stdout.readline()  # printed once it listens
        self._connection = open_dbus_connection(self.address)
        for name in ("org.freedesktop.login1", "org.freedesktop.systemd1"):
            self._connection.send_and_get_reply(message_bus.RequestName(name))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._daemon.terminate()
        self._daemon.wait()
        self._thread.join()
        self._connection.close()
        if self._daemon.stdout:
            self._daemon.stdout.close()

    def _serve(self) -> None:
        try:
            while True:
                self._answer(self._connection)
        except (EOFError, OSError):
            return  # the bus has ended

    def _answer(self, connection: DBusConnection) -> None:
        message = connection.receive()
        if message.header.message_type is not MessageType.method_call:
            return
        method = message.header.fields[HeaderFields.member]
        self.calls.append((method, message.body))
        if method == "Get":
            reply = new_method_return(message, "v", (("s", self._state),))
        elif self._refusal:
            reply = new_error(message, self._refusal, "s", ("not you",))
        else:
            reply = new_method_return(message)
        connection.send(reply)
