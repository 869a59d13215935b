"""Case of the token server, installed as its page says, on the box itself."""

import re

from tests.docs.pages import marked_block
from tests.machine.cases.words import talk
from tests.machine.cloud import SETTINGS
from tests.machine.pi import RESPONSE_TIMEOUT, VirtualPi, until
from tests.rig.numbered import speech
from tests.rig.service import ScriptedService

PAGE = "docs/token-server.md"
"""Its marked blocks are the commands and the settings that are tried here."""

UNIT = "appliance-token-server"
DROP_INS = f"/etc/systemd/system/{UNIT}.service.d"
PROGRAM = "/opt/appliance-token-server/bin/appliance token-server"
VENDOR = "--service-url http://cloud/v3/token"
CHECKOUT = "/var/tmp/token-server"
OFFLINE = "export PIP_NO_INDEX=1 PIP_FIND_LINKS=/mnt/payload/wheels PIP_DISABLE_PIP_VERSION_CHECK=1"
INSTALL_TIMEOUT = 600.0
MOST_EXPOSED = 1.5

PLAIN = "http://127.0.0.1:8766"
TLS = "https://tokens.example.org:8766"
LIVE = "/etc/letsencrypt/live/tokens.example.org"
CERTIFICATE = (
    f"mkdir -p {LIVE} && cd {LIVE} && chmod 700 . && umask 077"
    " && openssl req -x509 -nodes -days 2 -subj /CN=box -newkey ec"
    " -pkeyopt ec_paramgen_curve:prime256v1 -addext subjectAltName=DNS:tokens.example.org"
    " -keyout privkey.pem -out fullchain.pem"
    " && echo 127.0.0.1 tokens.example.org >>/etc/hosts"
)

ASK = """\
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

url, *secret = sys.argv[1:]
headers = {"Authorization": f"Bearer {secret[0]}"} if secret else {}
try:
    answer = urlopen(Request(url, headers=headers), timeout=30)
except HTTPError as error:
    answer = error
print(answer.status, answer.read().decode())
"""
"""What a program on the box is that asks for a token, since it has no curl."""


def serves_tokens(pi: VirtualPi) -> str:
    """Put the token server in, let it serve the box that it is on, and see how it is confined."""
    with pi.workspace.cloud.hearing(speech(1)) as vendor:
        kitchen = _put_in(pi, vendor)
        _serves_whom_it_should(pi, vendor, kitchen)
        exposure = _confined(pi, vendor.api_key, kitchen)
        _keeps_its_register(pi, kitchen)
        hung = _is_restarted_when_it_hangs(pi, kitchen)
        _speaks_tls(pi, kitchen)
    words = _serves_the_box(pi, kitchen)
    log = _log(pi)
    (pi.workspace.results / "token-server-journal.txt").write_text(log)
    for secret in (vendor.api_key, kitchen, *(token.value for token in vendor.tokens)):
        assert secret not in log, "a secret is in the log"
    return f"exposure {exposure}; another process {hung:.0f} s after it hung; {words}"


def _put_in(pi: VirtualPi, vendor: ScriptedService) -> str:
    """Run the commands of the page, and return the secret of the first appliance."""
    pi.shell.run(f"rm -rf {CHECKOUT} && cp -r /mnt/payload/checkout {CHECKOUT}")
    pi.shell.write("/run/key", f"{vendor.api_key}\n")
    pi.shell.write("/run/ask.py", ASK)
    # Not on the page: here the vendor is somewhere else.
    pi.shell.run(f"mkdir -p {DROP_INS}")
    _write_drop_in(pi, "vendor", f"[Service]\nExecStart=\nExecStart={PROGRAM} run {VENDOR}\n")
    commands = marked_block(PAGE, "install").replace("sudo ", "")
    commands = commands.replace("FILE-WITH-THE-API-KEY", "/run/key")
    said = pi.shell.run(f"set -e; {OFFLINE}; cd {CHECKOUT}; {commands}", INSTALL_TIMEOUT)
    (pi.workspace.results / "token-server-install.txt").write_text(said)
    secret = re.search(r"^[\w-]{43}$", said, re.MULTILINE)
    assert secret, said
    return secret[0]


def _write_drop_in(pi: VirtualPi, name: str, settings: str) -> None:
    pi.shell.write(f"{DROP_INS}/{name}.conf", settings)
    pi.shell.run(f"chmod 644 {DROP_INS}/{name}.conf")


def _serves_whom_it_should(pi: VirtualPi, vendor: ScriptedService, kitchen: str) -> None:
    """Ask with a secret and without, and let one come and go while it runs."""
    assert pi.service_is("ActiveState", UNIT) == "active"
    assert _ask(pi, f"{PLAIN}/healthz") == '200 {"status":"ok"}'
    assert vendor.tokens == []
    assert _token(_ask(pi, f"{PLAIN}/token", kitchen)) == vendor.tokens[0].value
    assert _ask(pi, f"{PLAIN}/token") == '401 {"error":"No secret given"}'
    workshop = _program(pi, "add workshop").splitlines()[0]
    assert _ask(pi, f"{PLAIN}/token", workshop).startswith("200 ")
    assert [line.split()[-1] for line in _program(pi, "list").splitlines()] == [
        "kitchen",
        "workshop",
    ]
    _program(pi, "remove workshop")
    assert _ask(pi, f"{PLAIN}/token", workshop) == '401 {"error":"Secret refused"}'


def _token(answer: str) -> str:
    found = re.fullmatch(r'200 \{"token":"([^"]+)","expires_in_seconds":60\}', answer)
    assert found, answer
    return found[1]


def _confined(pi: VirtualPi, key: str, secret: str) -> str:
    """Return the exposure that systemd finds; who else is on the box reads neither key nor hash."""
    said = pi.shell.run(f"systemd-analyze security --no-pager {UNIT} | tail -1")
    found = re.search(r"exposure level for \S+: ([0-9.]+)", said)
    assert found, said
    assert float(found[1]) <= MOST_EXPOSED, said
    assert pi.shell.run("stat -c '%a %U' /etc/credstore/assemblyai-api-key") == "600 root\n"
    state = f"/var/lib/private/{UNIT}"
    user = pi.shell.run(f"ps -o user= -p {pi.service_is('MainPID', UNIT)}").strip()
    assert user != "root"
    assert pi.shell.run(f"stat -c %a {state} {state}/appliances.json").split() == ["700", "600"]
    register = f"/var/lib/{UNIT}/appliances.json"
    assert not pi.shell.try_to(f"runuser -u pi -- cat {register}").succeeded
    kept = pi.shell.run(f"cat {register}")
    assert secret not in kept
    environment = pi.shell.run(f"tr '\\0' '\\n' </proc/{pi.service_is('MainPID', UNIT)}/environ")
    assert key not in environment
    return found[1]


def _keeps_its_register(pi: VirtualPi, kitchen: str) -> None:
    before = pi.service_is("MainPID", UNIT)
    pi.shell.run(f"systemctl restart {UNIT}", RESPONSE_TIMEOUT)
    assert pi.service_is("MainPID", UNIT) != before
    assert pi.service_is("Result", UNIT) == "success"
    assert _ask(pi, f"{PLAIN}/token", kitchen).startswith("200 ")


def _is_restarted_when_it_hangs(pi: VirtualPi, kitchen: str) -> float:
    """Stop its process, as a defect might; return the seconds until another one serves."""
    hung = pi.service_is("MainPID", UNIT)
    pi.shell.run(f"kill -STOP {hung}")
    taken = until(
        lambda: (
            pi.service_is("MainPID", UNIT) not in {"0", hung}
            and pi.service_is("ActiveState", UNIT) == "active"
        ),
        "it is restarted",
        RESPONSE_TIMEOUT * 2,
    )
    assert _ask(pi, f"{PLAIN}/token", kitchen).startswith("200 ")
    return taken


def _speaks_tls(pi: VirtualPi, kitchen: str) -> None:
    """Give it a certificate, with the drop-in of the page."""
    pi.shell.run(CERTIFICATE)
    settings = marked_block(PAGE, "tls")
    assert "--key %d/key" in settings, settings
    plain = f"{DROP_INS}/vendor.conf"
    _write_drop_in(pi, "override", settings.replace("--key", f"{VENDOR} --key"))
    pi.shell.run(
        f"mv {plain} /run && systemctl daemon-reload && systemctl restart {UNIT}", RESPONSE_TIMEOUT
    )
    assert _ask(pi, f"{TLS}/token", kitchen).startswith("200 ")
    assert _ask(pi, f"{TLS}/token", "guessed").startswith("401 ")
    pi.shell.run(f"rm {DROP_INS}/override.conf && mv /run/vendor.conf {plain}")
    pi.shell.run(f"systemctl daemon-reload && systemctl restart {UNIT}", RESPONSE_TIMEOUT)


def _serves_the_box(pi: VirtualPi, kitchen: str) -> str:
    """Let the appliance on the same box live on its tokens."""
    pi.shell.run(f"umask 077; echo {kitchen} >/etc/credstore/appliance-token-secret")
    settings = SETTINGS.replace("http://cloud/token", f"{PLAIN}/token")
    pi.shell.write("/etc/appliance/appliance.toml", settings)
    pi.shell.run("systemctl restart appliance", RESPONSE_TIMEOUT)
    pi.wait_for_mode("ready", within=RESPONSE_TIMEOUT * 2)
    with talk(pi, words=20) as spoken:
        pass
    asked = {request.path.partition("?")[0] for request in spoken.service.token_requests}
    assert asked == {"/v3/token"}, asked
    return spoken.account()


def _program(pi: VirtualPi, arguments: str) -> str:
    return pi.shell.run(f"{PROGRAM} {arguments}")


def _ask(pi: VirtualPi, url: str, secret: str = "") -> str:
    trusted = f"SSL_CERT_FILE={LIVE}/fullchain.pem"
    return pi.shell.run(f"{trusted} python3 /run/ask.py {url} {secret}").strip()


def _log(pi: VirtualPi) -> str:
    return "\n".join(pi.journal(f"-b -u {UNIT} -o cat"))
