import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


def in_a_new_interpreter(code: str, *arguments: str) -> None:
    """Run code where nothing is loaded yet; fails as it does."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    ran = subprocess.run(command, check=False, cwd=root, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_threads_import_one_after_the_other() -> None:
    in_a_new_interpreter("""
        import threading, time
        from appliance.core.recording import Recording
        from appliance.settings.schema import ServiceSettings
        from appliance.streaming.session import Session, load_network
        from appliance.streaming.spool.backlog import Backlog
        from appliance.voice_commands.actions import webhook
        from appliance.core.errors import ActionError
        from tests.rig.slow_imports import SlowImports
        from pathlib import Path

        slow = SlowImports(0.002)
        slow.install()
        backlog = Backlog(Path("/nowhere"), Recording("s", 0.0, 0.0, ""), print)
        backlog.finish()
        nobody = "127.0.0.1:9"
        service = ServiceSettings(url=f"ws://{nobody}", token_url=f"http://{nobody}")
        posted = threading.Semaphore(0)
        session = Session(backlog, service, lambda event: posted.release())

        def call() -> None:
            try:
                webhook.call(f"http://{nobody}", webhook.Message("a", "b", "c", "d"))
            except ActionError:
                pass

        loader = threading.Thread(target=load_network)
        hook = threading.Thread(target=call)
        for thread in (loader, session, hook):
            thread.start()
            time.sleep(0.05)
        assert posted.acquire(timeout=60)  # an attempt has ended
        session.abandon()
        for thread in (loader, session, hook):
            thread.join()
        assert not slow.overlaps, slow.overlaps
    """)


PRESS = """
    import logging, queue, sys, tempfile, threading, time
    from pathlib import Path
    logging.basicConfig(level=logging.INFO)
    from tests.rig.slow_imports import SlowImports
    slow = SlowImports(0.03)
    slow.install()

    from gpiozero.pins.mock import MockFactory, MockPin
    from appliance.app.appliance import Appliance
    from appliance.core.events import Disconnected, StopRequested, UnhandledError
    from appliance.hardware.simulated import WavAudio, press
    from appliance.app.demo_stage import WatchedPanel
    from appliance.screen.scene import Mode
    from appliance.system.supervision import end_on_unhandled_errors
    from tests.rig.box import settings_for

    seconds = float(sys.argv[1])
    sample = Path("appliance/app/samples/sample.wav")
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for("ws://127.0.0.1:9", "http://127.0.0.1:9", Path(folder))
        pins, panel, wav = MockFactory(), WatchedPanel(None), WavAudio(sample)
        pin = pins.pin(settings.button.pin, pin_class=MockPin)
        appliance = Appliance(
            settings, audio=lambda: wav, pin_factory=pins, open_panel=lambda _: panel
        )
        failed = threading.Event()
        end_on_unhandled_errors(appliance.post, failed)

        def act():
            panel.wait_for(Mode.READY)
            time.sleep(seconds)
            press(pin)
            panel.wait_for(Mode.CONNECTING)
            while "appliance.streaming.transport" not in sys.modules and not failed.is_set():
                time.sleep(0.05)
            time.sleep(1.0)
            press(pin)
            appliance.post(StopRequested())

        actor = threading.Thread(target=act, daemon=True)
        actor.start()
        appliance.run()
    assert not failed.is_set()
    assert not slow.overlaps, slow.overlaps
"""


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 7.0, 10.0])
def test_a_press_while_the_network_libraries_load_ends_nothing(seconds: float) -> None:
    in_a_new_interpreter(PRESS, str(seconds))
