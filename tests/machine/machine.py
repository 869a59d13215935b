"""Hardware of the virtual Pi: power, a memory card, USB sockets, a network cable.

qemu makes it, in software: slow, but the same on every machine.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.machine.image import Image
from tests.machine.json_lines import JsonLinesClient
from tests.machine.shell import Shell

BOOT_TIMEOUT = 240.0
RELAY = Path(__file__).with_name("relay.py")
CLOUD = "10.0.2.100"


class Card:
    """Memory card: the image, all that was written since, and the boot partition."""

    def __init__(self, folder: Path, image: Image, origin: "Card | None" = None) -> None:
        folder.mkdir(parents=True)
        self.root = folder / "root.qcow2"
        self.boot = folder / "boot.img"
        if origin is None:
            _layer(self.root, image.disk, "raw")
            _quietly("truncate", "--size=64M", self.boot)
            _quietly("mkfs.vfat", "-n", "BOOTFS", self.boot)
        else:
            _layer(self.root, origin.root, "qcow2")
            _quietly("cp", "--sparse=always", origin.boot, self.boot)

    def put(self, name: str, content: str) -> None:
        """Write a file to the boot partition, as any computer with a card reader can."""
        command = ["mcopy", "-o", "-i", str(self.boot), "-", f"::{name}"]
        subprocess.run(command, input=content.encode(), check=True)

    def got(self, name: str) -> str:
        """Return a file of the boot partition."""
        command = ["mtype", "-i", str(self.boot), f"::{name}"]
        return subprocess.run(command, check=True, capture_output=True).stdout.decode()

    def names(self) -> str:
        """Return what the boot partition holds, deleted entries left out."""
        command = ["mdir", "-/", "-b", "-i", str(self.boot), "::"]
        return subprocess.run(command, check=True, capture_output=True).stdout.decode()


class Machine:
    """A machine, off until it is switched on.

    Args:
        image: the kernel.
        card: what it starts from.
        payload: a folder that the guest finds at /mnt/payload, read-only.
        cloud: a file with the port, on this machine, that the guest reaches as `http://cloud`.
        folder: for sockets; a short path, since sockets must have one.
        console: a file for what the kernel says.
    """

    def __init__(
        self, image: Image, card: Card, payload: Path, cloud: Path, folder: Path, console: Path
    ) -> None:
        self._image = image
        self._card = card
        self._payload = payload
        self._cloud = cloud
        self._folder = folder
        self._console = console
        folder.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._monitor: JsonLinesClient | None = None
        self._shell: Shell | None = None

    def switch_on(self) -> None:
        """Give it power; returns before it has started."""
        for stale in self._folder.glob("*.sock"):
            stale.unlink()
        self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL)
        self._monitor = JsonLinesClient(self._folder / "monitor.sock")
        self._monitor.ask("qmp_capabilities")
        self._shell = Shell(self._folder / "agent.sock")

    @property
    def shell(self) -> Shell:
        """For commands, as root, once it has started."""
        assert self._shell, "the machine is off"
        return self._shell

    def socket(self, device: str) -> Path:
        """Return where to plug in the device for which the guest has a socket."""
        return self._folder / f"{device}.sock"

    def cut_power(self) -> None:
        """Pull the plug. Does nothing when it is out."""
        if self._process:
            self._process.kill()
            self._process.wait()
        for line in (self._shell, self._monitor):
            if line:
                line.close()
        self._process = self._shell = self._monitor = None

    @property
    def is_on(self) -> bool:
        """Whether it has power and has not switched itself off."""
        return self._process is not None and self._process.poll() is None

    def wait_until_off(self, within: float) -> None:
        """Wait until the machine has switched itself off.

        Raises:
            subprocess.TimeoutExpired: it has not.
        """
        assert self._process, "the machine is off"
        self._process.wait(within)

    def connect_network(self, connected: bool) -> None:
        """Plug in the network cable, or pull it out."""
        assert self._monitor, "the machine is off"
        self._monitor.ask("set_link", name="eth", up=connected)

    def _command(self) -> list[str]:
        settings = (
            "console=ttyS0 root=/dev/vda rw quiet loglevel=4 panic=-1 net.ifnames=0 mitigations=off"
        )
        relay = f"{sys.executable} {RELAY} {self._cloud}"
        command = [
            "qemu-system-x86_64",
            *("-M", "pc", "-cpu", "max", "-accel", os.environ.get("MACHINE_ACCEL", "tcg")),
            *("-m", "1024", "-smp", "2", "-nodefaults", "-no-reboot", "-display", "none"),
            *("-kernel", f"{self._image.kernel}", "-initrd", f"{self._image.initrd}"),
            *("-append", settings, "-device", "virtio-rng-pci"),
            *("-chardev", f"file,id=console,path={self._console},append=on"),
            *("-serial", "chardev:console"),
            *("-drive", f"file={self._card.root},format=qcow2,if=virtio"),
            *("-drive", f"file={self._card.boot},format=raw,if=virtio"),
            *(
                "-virtfs",
                f"local,path={self._payload},mount_tag=payload,security_model=none,readonly=on",
            ),
            *("-netdev", f"user,id=lan,restrict=on,guestfwd=tcp:{CLOUD}:80-cmd:{relay}"),
            *("-device", "virtio-net-pci,netdev=lan,id=eth"),
            *(
                "-device",
                "virtio-serial-pci",
                *self._line("monitor"),
                "-mon",
                "monitor,mode=control",
            ),
        ]
        ports = {
            "agent": "org.qemu.guest_agent.0",
            "oled": "usb.oled",
            "microphone": "usb.microphone",
        }
        for name, port in ports.items():
            command += self._line(name)
            command += ["-device", f"virtserialport,chardev={name},name={port}"]
        return command

    def _line(self, name: str) -> list[str]:
        path = self._folder / f"{name}.sock"
        return ["-chardev", f"socket,id={name},path={path},server=on,wait=off"]


def _layer(path: Path, below: Path, kind: str) -> None:
    _quietly("qemu-img", "create", "-q", "-f", "qcow2", "-b", below, "-F", kind, path)


def _quietly(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
