"""Cases of an owner's tasks: settings on the card, checks, an upgrade, uninstalling."""

import json
import re

from tests.machine.cloud import SETTINGS
from tests.machine.pi import APPLIANCE, RESPONSE_TIMEOUT, VirtualPi

KEY = "0123456789abcdef-for-the-card"
CHECKOUT = "/mnt/payload/checkout"
WHEELS = "/mnt/payload/wheels"
INSTALL = f"scripts/install --unattended --wheels {WHEELS}"
INSTALL_TIMEOUT = 900.0
MOST_EXPOSED = 2.0
EVERY_FILE = (
    "find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/log"
    " -o -path /var/cache -o -path /var/tmp -o -path /root -o -path /var/lib/systemd \\) -prune"
    " -o ! -name '*.pyc' ! -name __pycache__ -print | sort"
)
"""Files that stay over a restart, but for logs and caches."""


def settings_from_the_card(pi: VirtualPi) -> str:
    """Put settings and a key on the boot partition: they are taken over, and the key is gone."""
    pi.switch_off()
    settings = SETTINGS.replace("[service]\n", f'[service]\napi_key = "{KEY}"\n')
    pi.card.put("appliance.toml", 'name = "kitchen"\n' + settings)
    pi.switch_on()
    pi.wait_until_up()
    pi.wait_for_mode("ready", within=RESPONSE_TIMEOUT * 2)
    taken = pi.shell.run("cat /etc/appliance/appliance.toml")
    assert 'name = "kitchen"' in taken, taken
    assert KEY not in taken
    assert pi.shell.run("cat /etc/credstore/assemblyai-api-key").strip() == KEY
    assert pi.shell.run("stat -c '%a %U' /etc/credstore/assemblyai-api-key") == "600 root\n"
    pi.switch_off()
    left = pi.card.got("appliance.toml")
    assert KEY not in left
    assert "kitchen" in left
    names = pi.card.names()
    pi.switch_on()
    pi.wait_until_up()
    log = pi.journal("-b all -u appliance.service -u appliance-card.service -o cat")
    assert not any(KEY in line for line in log), "the key is in the log"
    return f"taken over; on the card: {' '.join(names.split())}"


def a_mistake_on_the_card(pi: VirtualPi) -> str:
    """Put a mistake there: the OLED says where, and the box goes on as before."""
    pi.switch_off()
    pi.card.put("appliance.toml", SETTINGS + "\n[display]\nlines = 99\n")
    pi.switch_on()
    pi.wait_until_up()
    pi.wait_to_read("lines", within=RESPONSE_TIMEOUT * 2)
    pi.keep_picture("mistake")
    return f"on the OLED: {' '.join(sorted(pi.words()))}"


def is_well_confined(pi: VirtualPi) -> str:
    """Ask systemd how much the service could do to the box."""
    said = pi.shell.run("systemd-analyze security --no-pager appliance.service | tail -1")
    found = re.search(r"exposure level for \S+: ([0-9.]+)", said)
    assert found, said
    exposure = float(found[1])
    assert exposure <= MOST_EXPOSED, said
    return f"exposure {exposure}"


def the_doctor_is_content(pi: VirtualPi) -> str:
    """Ask the appliance itself what is wrong: nothing."""
    with pi.workspace.cloud.transcribing(pi.workspace.results / "doctor-service.txt"):
        finished = pi.shell.try_to(
            f"{APPLIANCE} doctor --json 2>/dev/null", within=RESPONSE_TIMEOUT * 3
        )
    report = json.loads(finished.output)
    (pi.workspace.results / "doctor.json").write_text(
        json.dumps(report, indent=2, ensure_ascii=False)
    )
    bad = [check for check in report["checks"] if check["result"] == "failed"]
    assert report["ok"], bad
    assert finished.succeeded
    results = [check["result"] for check in report["checks"]]
    return ", ".join(f"{results.count(result)} {result}" for result in sorted(set(results)))


def upgrades(pi: VirtualPi) -> str:
    """Install another version: settings and history stay, and words go on being written down."""
    settings = pi.shell.run("cat /etc/appliance/appliance.toml")
    sessions = pi.sessions()
    version = _new_checkout(pi, "/var/tmp/newer", "99.1")
    pi.shell.run(f"cd /var/tmp/newer && {INSTALL}", INSTALL_TIMEOUT)
    pi.wait_for_mode("ready", within=RESPONSE_TIMEOUT * 2)
    assert version in pi.shell.run(f"{APPLIANCE} --version")
    assert pi.status()["version"] == version
    assert settings == pi.shell.run("cat /etc/appliance/appliance.toml")
    assert sessions == pi.sessions()
    again = pi.shell.run(f"cd /var/tmp/newer && {INSTALL}", INSTALL_TIMEOUT)
    assert "othing to do" in again, again
    return f"to {version}; the same again: nothing to do"


def a_failed_upgrade_changes_nothing(pi: VirtualPi) -> str:
    """Install a version that can't be loaded: the old one has not even noticed."""
    before = pi.service_is("MainPID"), pi.shell.run(f"{APPLIANCE} --version")
    said = _fail_to_install(pi, "import no_such_module")
    after = pi.service_is("MainPID"), pi.shell.run(f"{APPLIANCE} --version")
    assert before == after, f"{before} before, {after} after"
    pi.wait_to_read("press")
    return said


def an_upgrade_that_does_not_run_is_taken_back(pi: VirtualPi) -> str:
    """Install a version that loads and then ends at once: the old one is started again."""
    before = pi.shell.run(f"{APPLIANCE} --version"), pi.sessions()
    said = _fail_to_install(pi, "def run(*_: object) -> bool:\n    raise SystemExit(1)")
    pi.wait_for_mode("ready", within=RESPONSE_TIMEOUT * 2)
    after = pi.shell.run(f"{APPLIANCE} --version"), pi.sessions()
    assert before == after, f"{before} before, {after} after"
    pi.wait_to_read("press")
    return said


def uninstalls(pi: VirtualPi) -> str:
    """Take it away: settings and history stay; with --purge nothing does."""
    pi.shell.run(f"{CHECKOUT}/scripts/uninstall", RESPONSE_TIMEOUT * 2)
    assert not pi.shell.try_to(f"test -e {APPLIANCE}").succeeded
    assert not pi.shell.try_to("systemctl cat appliance.service").succeeded
    pi.shell.run("test -s /etc/appliance/appliance.toml && test -s /var/lib/appliance/history.db")
    pi.shell.run(f"{CHECKOUT}/scripts/uninstall --purge", RESPONSE_TIMEOUT * 2)
    fresh = set((pi.workspace.work / "files-before.txt").read_text().splitlines())
    left = sorted(set(pi.shell.run(EVERY_FILE).splitlines()) - fresh)
    assert not left, f"left behind: {' '.join(left)}"
    assert not pi.shell.try_to("getent passwd appliance").succeeded, "the user is still there"
    return "nothing left behind"


def _new_checkout(pi: VirtualPi, folder: str, version: str) -> str:
    pi.shell.run(f"rm -rf {folder} && cp -r {CHECKOUT} {folder}")
    change = f's/^__version__ = .*/__version__ = "{version}"/'
    pi.shell.run(f"sed -i '{change}' {folder}/appliance/__init__.py")
    return version


def _fail_to_install(pi: VirtualPi, defect: str) -> str:
    _new_checkout(pi, "/var/tmp/broken", "99.9")
    pi.shell.run(f"printf '\n\n{defect}\n' >>/var/tmp/broken/appliance/app/run.py")
    finished = pi.shell.try_to(f"cd /var/tmp/broken && {INSTALL}", INSTALL_TIMEOUT)
    assert not finished.succeeded, finished.output
    return " ".join(finished.output.strip().splitlines()[-2:])
