"""Program that keeps turns in a real history and publishes them, for tests to kill.

    python -m tests.mqtt.publisher DATABASE PORT FIRST LAST

It says the turns FIRST to LAST of one session, each first without and then with its commas, and
goes on until it is ended.
"""

import queue
import sys
import threading
import time

from appliance.core.events import Event, TurnReceived
from appliance.core.recording import Recording
from appliance.core.turns import Covered, Turn
from appliance.history.writer import HistoryWriter
from appliance.mqtt.client import MqttClient
from appliance.screen.scene import Mode, Scene
from appliance.settings import Settings
from appliance.settings.schema import HistorySettings, MqttSettings

SESSION = "s1"


def main(database: str, port: int, first: int, last: int) -> None:
    inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
    settings = Settings(
        name="kitchen",
        history=HistorySettings(path=database),
        mqtt=MqttSettings(host="127.0.0.1", port=port),
    )
    history = HistoryWriter(settings.history, inbox.put, outgoing=True)
    history.start()
    history.begin(Recording(SESSION, started=1e9, monotonic=0.0, boot="b"))
    client = MqttClient(settings, inbox.put, history.delivered)
    client.start()
    client.show(Scene(Mode.LISTENING))
    threading.Thread(target=_say_turns, args=(first, last, inbox), daemon=True).start()
    while True:
        event = inbox.get()
        if isinstance(event, TurnReceived):
            history.save_turn(event)
        client.handle(event)


def _say_turns(first: int, last: int, inbox: "queue.SimpleQueue[Event]") -> None:
    for number in range(first, last + 1):
        covered = Covered(number, 0, number + 1)
        for text, formatted in ((f"turn {number}", False), (f"Turn {number}.", True)):
            turn = Turn(number, text, finished=True, formatted=formatted)
            inbox.put(TurnReceived(SESSION, 0, turn, float(number), number + 0.5, covered))
            time.sleep(0.02)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
