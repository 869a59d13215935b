"""Box to install on: a root of its own, with stand-ins for what only a whole system has."""

import contextlib
import os
import pty
import select
import shutil
import subprocess
import sys
import sysconfig
import termios
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]

Completed = subprocess.CompletedProcess[str]
"""Exit status of a script, and all of its output."""

# Each logs its arguments, so that a secret among them is found.
STAND_INS = {
    "apt-get": "",
    "apt-cache": "",
    "dpkg": "echo arm64",
    "dpkg-query": """
        shift 2
        for package; do
            grep -qx "$package" "$box/missing-packages" || echo "$package installed"
        done""",
    "getconf": 'cat "$box/bits"',
    "journalctl": "echo 'the log: it did not work'",
    "modprobe": "",
    "dtparam": "",
    "systemctl": """
        bad() { grep -qs "$(basename "$(readlink "$DESTDIR/opt/appliance")")" "$box/bad-releases"; }
        case " $* " in
        *" is-active "*) ! bad ;;
        *" is-enabled "*) test -e "$box/enabled-${@: -1}" ;;
        *" enable "*) touch "$box/enabled-${@: -1}" ;;
        *" disable "*) rm -f "$box/enabled-${@: -1}" ;;
        *" restart appliance.service "*) ! bad ;;
        *" show "*) echo 42 ;;
        esac""",
    "systemd-sysusers": """
        groups=$DESTDIR/etc/group
        grep -q ^appliance: "$groups" || echo appliance:x:12345: >>"$groups" """,
    "systemd-tmpfiles": "",
    "udevadm": "",
    "userdel": """sed -i /^appliance:/d "$DESTDIR/etc/group" """,
}


class FreshBox:
    """A Debian 12 of 64 bits, with systemd running, on which nothing is installed yet.

    Real are the scripts, the files, and Python with pip and virtual environments; Debian's own
    Python packages are those of the environment that the tests run in.

    Args:
        folder: an empty folder for all of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.log = folder / "log"
        self.checkout = folder / "checkout"
        for path in ("etc", "run/systemd/system"):
            (self.root / path).mkdir(parents=True)
        self.write("etc/os-release", 'ID=debian\nVERSION_ID="12"\n')
        self.write("etc/group", "root:x:0:\n")
        (folder / "missing-packages").touch()
        (folder / "bits").write_text("64\n")
        self._place_stand_ins()
        self.renew_checkout()

    def run(self, script: str, *arguments: str, **environment: str) -> Completed:
        """Run one of the scripts of the checkout to its end, with no terminal."""
        return self._bash([str(self.checkout / "scripts" / script), *arguments], environment)

    def shell(self, commands: str) -> Completed:
        """Run functions of the installation, as its steps do, with no terminal."""
        return self._bash(self._with_parts(commands), {})

    def shell_watched(self, commands: str, sign: str, act: Callable[[], None]) -> Completed:
        """Run functions of the installation; call `act` when a line with `sign` comes out."""
        command = self._with_parts(commands)
        with subprocess.Popen(
            command,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            seen = ""
            for line in process.stdout:
                seen += line
                if sign in line:
                    act()
        return Completed(command, process.returncode, seen)

    def converse(self, commands: str, *answers: str) -> str:
        """Run functions of the installation on a terminal; return all that appeared on it.

        Each answer is typed when the last line ends in a colon; the first one while echo is off.
        """
        terminal, line = pty.openpty()
        process = subprocess.Popen(
            self._with_parts(commands),
            env=self._environment(),
            stdin=line,
            stdout=line,
            stderr=line,
        )
        seen = b""
        for number, answer in enumerate(answers):
            while not seen.endswith(b": ") or (number == 0 and _echoes(terminal)):
                seen += (
                    os.read(terminal, 4096) if select.select([terminal], [], [], 0.05)[0] else b""
                )
            os.write(terminal, answer.encode() + b"\n")
            seen += b"\n"
        os.close(line)
        with contextlib.suppress(OSError):  # at the end, when nobody has the terminal open
            while more := os.read(terminal, 4096):
                seen += more
        os.close(terminal)
        assert process.wait() == 0, seen
        return seen.decode()

    def can_build(self) -> bool:
        """Return whether the Python of the box has what it takes to build the program."""
        code = (
            "from importlib.util import find_spec as has;"
            "import sys; sys.exit(not (has('pip') and has('setuptools')"
            " and (has('wheel') or has('setuptools.command.bdist_wheel'))))"
        )
        python = self._environment()["APPLIANCE_PYTHON"]
        return self._bash([python, "-c", code], {}).returncode == 0

    def path(self, name: str) -> Path:
        """Return where a file of the box, such as "etc/group", is."""
        return self.root / name

    def read(self, name: str) -> str:
        """Return what a file of the box holds."""
        return self.path(name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        """Write a file of the box."""
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text, encoding="utf-8")

    def files(self) -> set[str]:
        """Return the names of all files and links."""
        return {
            str(path.relative_to(self.root))
            for path in self.root.rglob("*")
            if path.is_symlink() or not path.is_dir()
        }

    def asked(self, program: str) -> list[str]:
        """Return a line for each call of a stand-in so far, with its arguments."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith(f"{program} ")]

    def release(self) -> str:
        """Return the name of the release in use."""
        return self.path("opt/appliance").readlink().name

    def change_version(self, version: str) -> None:
        """Make the checkout another version of the program."""
        module = self.checkout / "appliance" / "__init__.py"
        module.write_text(f'"""A box."""\n\n__version__ = "{version}"\n', encoding="utf-8")

    def renew_checkout(self) -> None:
        """Check out the sources as they are here."""
        shutil.rmtree(self.checkout, ignore_errors=True)
        for name in ("appliance", "scripts", "systemd"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, self.checkout / name, ignore=ignored)
        for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, self.checkout / name)

    def _with_parts(self, commands: str) -> list[str]:
        parts = " ".join(
            f"source {self.checkout}/scripts/install.d/{part}.sh;"
            for part in ("progress", "paths", "access", "files", "bus", "service")
        )
        return ["bash", "-c", f"set -euo pipefail; checkout={self.checkout}; {parts}\n{commands}"]

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "DESTDIR": str(self.root),
            "SETTLING_SECONDS": "0",
            "APPLIANCE_PYTHON": str(Path(sys.base_prefix) / "bin" / "python3"),
            "PYTHONPATH": f"{self.folder / 'debian'}:{sysconfig.get_path('purelib')}",
        }

    def _bash(self, command: list[str], environment: dict[str, str]) -> Completed:
        return subprocess.run(
            command,
            env=self._environment() | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def _place_stand_ins(self) -> None:
        (self.folder / "bin").mkdir()
        for name, body in STAND_INS.items():
            stand_in = self.folder / "bin" / name
            stand_in.write_text(
                f'#!/bin/bash\nbox={self.folder}\necho "{name} $*" >>"$box/log"\n{body}\n'
            )
            stand_in.chmod(0o755)
        pins = self.folder / "debian"
        (pins / "lgpio-0.2.2.0.dist-info").mkdir(parents=True)
        (pins / "lgpio-0.2.2.0.dist-info" / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: lgpio\nVersion: 0.2.2.0\n"
        )
        (pins / "lgpio.py").touch()


def _echoes(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
