"""The appliance with taps on its microphone and a simulated OLED, to be pressed and killed.

python -m tests.benchmarks.tapped SETTINGS.toml TAPS: what PortAudio delivers is written to the
folder TAPS; for the rest see `device`.
"""

import sys
from pathlib import Path

from appliance.settings import load
from appliance.system import log_setup
from tests.benchmarks.device import serve
from tests.benchmarks.taps import TappedAudio
from tests.rig.oled import Ssd1306


def main() -> None:
    """Be the appliance."""
    settings, taps = load(Path(sys.argv[1])), Path(sys.argv[2])
    log_setup.set_up()
    serve(settings, lambda: TappedAudio(taps), Ssd1306())


if __name__ == "__main__":
    main()
