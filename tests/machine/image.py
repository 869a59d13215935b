"""Memory card of the virtual Pi: a Debian with all the system packages, made once and kept.

Debian's own tools make it, from the mirrors that this machine uses. The kernel is the one of the
backports, the first of Debian's that can simulate GPIO lines.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SUITE = "trixie"
PYTHON = "3.13"
GUEST = Path(__file__).parent / "guest"

_SYSTEM = (
    "systemd-sysv", "systemd-timesyncd", "udev", "dbus", "kmod", "procps", "iproute2", "zstd",
    "initramfs-tools", "ca-certificates", "qemu-guest-agent", "usbutils", "i2c-tools",
    "linux-image-amd64/trixie-backports", "dosfstools", "python3-pip", "python3-venv",
)  # fmt: skip
_LISTS = Path(__file__).parents[2] / "scripts/install.d/packages.sh"
_NOT_IN_DEBIAN = {"python3-lgpio"}
_UNITS = ("wires.service", "usb-socket@oled.service", "usb-socket@microphone.service")


@dataclass(frozen=True)
class Image:
    """A card that nobody has changed yet, and the kernel that starts from it."""

    folder: Path

    @property
    def disk(self) -> Path:
        """The root file system (ext4, raw), never written to."""
        return self.folder / "disk.img"

    @property
    def kernel(self) -> Path:
        """The kernel of the file system."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """Its first file system."""
        return self.folder / "initrd.img"

    @property
    def system(self) -> Path:
        """The plain system as a tar, for what has to be compiled for it."""
        return self.folder / "system.tar"


def prepared(cache: Path, say: Callable[[str], None]) -> Image:
    """Return the image for what this folder describes, made if there is none.

    Raises:
        subprocess.CalledProcessError: a tool failed; its `output` has what it said.
    """
    packages = (*_SYSTEM, *_of_the_appliance())
    image = Image(cache / f"{SUITE}-{_described(packages)}")
    image.folder.mkdir(parents=True, exist_ok=True)
    if not image.system.exists():
        _remove_others(cache, image)
        say("Making the virtual Pi's system (a few minutes, once)")
        _make_system(image.system, packages)
    stamp = image.folder / "disk.stamp"
    wanted = _described(*_guest_files(), *_UNITS)
    if not stamp.exists() or stamp.read_text() != wanted:
        say("Making the virtual Pi's memory card")
        stamp.unlink(missing_ok=True)
        _make_disk(image)
        stamp.write_text(wanted)
    return image


def unpacked(system: Path, root: Path) -> None:
    """Unpack the plain system into an empty folder."""
    root.mkdir(parents=True)
    _run("tar", "-C", root, "--numeric-owner", "--xattrs", "-xpf", system)


def _remove_others(cache: Path, image: Image) -> None:
    """Remove the images of other lists of packages: 3 GB each."""
    for folder in cache.glob(f"{SUITE}-*"):
        if folder != image.folder:
            shutil.rmtree(folder)


def _described(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _guest_files() -> Iterator[tuple[str, bytes]]:
    for path in sorted(GUEST.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(GUEST)), path.read_bytes()


def _of_the_appliance() -> list[str]:
    """Return the packages that `install` wants to find, and what compiles one that is none."""
    names = " ".join(
        f'"${{{name}[@]}}"' for name in ("box_packages", "packages_of_some", "compilers")
    )
    script = f"source {_LISTS}; echo {names}"
    listed = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True)
    return sorted(set(listed.stdout.split()) - _NOT_IN_DEBIAN)


def _make_system(tar: Path, packages: Sequence[str]) -> None:
    partial = tar.with_name("partial.tar")
    debian, security = _mirrors()
    modules = r"printf 'virtio_pci\nvirtio_blk\next4\n'"
    _run(
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        f"--include={','.join(packages)}",
        "--aptopt=APT::Install-Recommends false",
        "--aptopt=Acquire::Languages none",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        # Only what finds the root file system: the initrd is unpacked by a slow machine.
        '--essential-hook=mkdir -p "$1/etc/initramfs-tools/conf.d"',
        '--essential-hook=echo MODULES=list >"$1/etc/initramfs-tools/conf.d/list"',
        f'--essential-hook={modules} >"$1/etc/initramfs-tools/modules"',
        SUITE,
        partial,
        f"deb {debian} {SUITE} main",
        f"deb {debian} {SUITE}-updates main",
        f"deb {debian} {SUITE}-backports main",
        f"deb {security} {SUITE}-security main",
    )
    partial.rename(tar)


def _mirrors() -> tuple[str, str]:
    """Return where this machine's apt has Debian and its security updates from."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)"],
        check=True,
        capture_output=True,
        text=True,
    )
    known = dict(line.split("|", 1) for line in reversed(listed.stdout.splitlines()))
    return (
        known.get("Debian", "http://deb.debian.org/debian/"),
        known.get("Debian-Security", "http://deb.debian.org/debian-security/"),
    )


def _make_disk(image: Image) -> None:
    root = image.folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    unpacked(image.system, root)
    shutil.copytree(GUEST, root, dirs_exist_ok=True)
    for program in (root / "usr/local/sbin").iterdir():
        program.chmod(0o755)
    _set_up_like_a_pi(root)
    _newest(root / "boot", "vmlinuz-*").rename(image.kernel)
    _newest(root / "boot", "initrd.img-*").rename(image.initrd)
    image.disk.unlink(missing_ok=True)
    _run("mke2fs", "-q", "-t", "ext4", "-L", "rootfs", "-d", root, image.disk, "4G")
    shutil.rmtree(root)


def _set_up_like_a_pi(root: Path) -> None:
    """Users, groups and defaults as Raspberry Pi OS has them; the console is the tests' alone."""
    for group in ("gpio", "i2c", "spi"):
        _run("chroot", root, "groupadd", "--force", "--system", group)
    groups = "audio,gpio,i2c,spi,plugdev"
    _run(
        "chroot", root, "useradd", "--create-home", "--shell=/bin/bash", f"--groups={groups}", "pi"
    )
    _run("chroot", root, "systemctl", "--quiet", "mask", "getty@.service", "serial-getty@.service")
    _run("chroot", root, "systemctl", "--quiet", "enable", "systemd-networkd.service", *_UNITS)
    (root / "boot/firmware").mkdir()
    for stamp in ("etc/.updated", "var/.updated"):
        (root / stamp).touch()  # or the first boot rebuilds caches that are right already


def _newest(folder: Path, pattern: str) -> Path:
    return max(folder.glob(pattern), key=os.path.getmtime)


def _run(*command: str | Path) -> None:
    arguments: Sequence[str] = [str(part) for part in command]
    subprocess.run(
        arguments,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
