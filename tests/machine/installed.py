"""The first case, from which all others start: a fresh system becomes an appliance."""

import time

from tests.machine.cases.ownership import CHECKOUT, EVERY_FILE, INSTALL, INSTALLING
from tests.machine.cloud import SETTINGS
from tests.machine.machine import Card
from tests.machine.pi import Place, VirtualPi


def install(place: Place, card: Card) -> str:
    """Install on a fresh card, without a network, and leave it ready for its first start.

    Raises:
        AssertionError: it did not become an appliance.
    """
    with VirtualPi(place, card, "install") as pi:
        pi.wait_until_up()
        (place.work / "files-before.txt").write_text(pi.shell.run(EVERY_FILE))
        started = time.monotonic()
        access = "--token-url http://cloud/token"
        said = pi.shell.run(f"cd {CHECKOUT} && {INSTALL} {access}", INSTALLING)
        taken = time.monotonic() - started
        (place.results / "install.txt").write_text(said)
        pi.wait_to_read("press")
        pi.keep_picture("ready")
        # A cloud of one's own is for the owner to name in the settings.
        pi.shell.write("/etc/appliance/appliance.toml", SETTINGS)
        pi.wait_to_read("press")
        pi.switch_off()
    return f"{taken:.0f} s, {len(said.splitlines())} lines"
