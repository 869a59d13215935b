"""First case, from which all others start: a fresh system becomes an appliance."""

import time

from tests.machine.cases.ownership import CHECKOUT, EVERY_FILE, INSTALL, INSTALL_TIMEOUT
from tests.machine.cloud import SETTINGS
from tests.machine.machine import Card
from tests.machine.pi import VirtualPi, Workspace


def install(workspace: Workspace, card: Card) -> str:
    """Install on a fresh card, without a network, and leave it ready for its first start.

    Raises:
        AssertionError: it did not become an appliance.
    """
    with VirtualPi(workspace, card, "install") as pi:
        pi.wait_until_up()
        (workspace.work / "files-before.txt").write_text(pi.shell.run(EVERY_FILE))
        started = time.monotonic()
        access = "--token-url http://cloud/token"
        said = pi.shell.run(f"cd {CHECKOUT} && {INSTALL} {access}", INSTALL_TIMEOUT)
        taken = time.monotonic() - started
        (workspace.results / "install.txt").write_text(said)
        pi.wait_to_read("press")
        pi.keep_picture("ready")
        # The owner names another cloud in the settings.
        pi.shell.write("/etc/appliance/appliance.toml", SETTINGS)
        pi.wait_to_read("press")
        pi.switch_off()
    return f"{taken:.0f} s, {len(said.splitlines())} lines"
