"""`scripts/debian.sh`: apt-get, whose locks another program may hold."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.scripts.fresh_box import FreshBox

APT_GET = "/usr/bin/apt-get"

PACKAGE = "swig"

WAITING = "Another program is installing packages"

LOCKS = {
    "var/lib/apt/lists/lock": "update",
    "var/cache/apt/archives/lock": "install",
    "var/lib/dpkg/lock-frontend": "install",
    "var/lib/dpkg/lock": "install",
}
"""Locks of Debian's package system, with the command of apt-get that first needs each."""


@pytest.fixture
def apt_box(box: FreshBox) -> FreshBox:
    """A box with a real apt and dpkg; its only source has one empty package."""
    if not all(map(os.path.exists, (APT_GET, "/usr/bin/dpkg", "/usr/bin/dpkg-deb"))):
        pytest.skip("apt and dpkg are not installed")
    for folder in (
        "etc/apt/apt.conf.d",
        "etc/apt/preferences.d",
        "etc/apt/trusted.gpg.d",
        "var/lib/apt/lists/partial",
        "var/cache/apt/archives/partial",
        "var/lib/dpkg/info",
        "var/lib/dpkg/updates",
        "var/log/apt",
    ):
        box.path(folder).mkdir(parents=True)
    box.write("var/lib/dpkg/status", "")
    box.write("etc/apt/sources.list", f"deb [trusted=yes] file:{box.folder}/packages ./\n")
    make_source(box.folder / "packages")
    (box.folder / "missing-packages").write_text(f"{PACKAGE}\n")
    box.write(
        "etc/apt/test.conf",
        f"""
        Dir "{box.root}";
        Dir::State::status "{box.root}/var/lib/dpkg/status";
        APT::Sandbox::User "";
        Dpkg::Options {{ "--root={box.root}"; "--force-not-root"; "--force-bad-path"; }};
        """,
    )
    with (box.folder / "bin" / "apt-get").open("a") as stand_in:
        stand_in.write(f'APT_CONFIG={box.root}/etc/apt/test.conf exec {APT_GET} "$@"\n')
    return box


def make_source(folder: Path) -> None:
    control = f"Package: {PACKAGE}\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\n"
    (folder / "tree" / "DEBIAN").mkdir(parents=True)
    (folder / "tree" / "DEBIAN").chmod(0o755)
    (folder / "tree" / "DEBIAN" / "control").write_text(f"{control}Description: nothing\n")
    archive = folder / f"{PACKAGE}.deb"
    build = ["dpkg-deb", "--root-owner-group", "--build", str(folder / "tree"), str(archive)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    digest = subprocess.check_output(["sha256sum", archive], text=True).split()[0]
    (folder / "Packages").write_text(
        f"{control}Filename: ./{archive.name}\nSize: {archive.stat().st_size}\n"
        f"SHA256: {digest}\nDescription: nothing\n"
    )


class Holder:
    """Another program's lock, of the kind that apt and dpkg take.

    Args:
        path: the lock file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w")
        fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def let_go(self) -> None:
        """Release the lock."""
        self._file.close()


@contextmanager
def held(path: Path) -> Iterator[Holder]:
    holder = Holder(path)
    try:
        yield holder
    finally:
        holder.let_go()


def installation(box: FreshBox, *, limit: int = 900, waited: int = 0) -> str:
    """Return the commands that install the package, with little time between attempts."""
    return (
        f"LOCK_WAIT_SECONDS={limit}; LOCK_RETRY_SECONDS=0.05;"
        f"source {box.checkout}/scripts/debian.sh; choose_root() {{ as_root=(env); }};"
        f"lock_waited={waited}; install_packages {PACKAGE}"
    )


def calls(box: FreshBox, command: str) -> int:
    return sum(f" {command}" in line for line in box.asked("apt-get"))


def test_with_no_lock_held_apt_get_is_called_once(apt_box: FreshBox) -> None:
    completed = apt_box.shell(installation(apt_box))
    assert completed.returncode == 0, completed.stdout
    assert "installed swig" in completed.stdout
    assert "waiting" not in completed.stdout
    assert (calls(apt_box, "update"), calls(apt_box, "install")) == (1, 1)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_is_waited_for(apt_box: FreshBox, lock: str) -> None:
    with held(apt_box.path(lock)) as holder:
        completed = apt_box.shell_watched(installation(apt_box), WAITING, holder.let_go)
    assert completed.returncode == 0, completed.stdout
    assert completed.stdout.count(WAITING) == 1
    assert f"process {os.getpid()}" in completed.stdout
    assert "installed swig" in completed.stdout
    assert calls(apt_box, LOCKS[lock]) > 1


def test_the_locks_of_all_phases_are_waited_for_in_turn(apt_box: FreshBox) -> None:
    holders = [Holder(apt_box.path(lock)) for lock in LOCKS if lock != "var/lib/dpkg/lock"]
    lists, *others = holders
    held_in_turn = iter([[lists], others])

    def let_go_of_the_next() -> None:
        for holder in next(held_in_turn):
            holder.let_go()

    completed = apt_box.shell_watched(installation(apt_box), WAITING, let_go_of_the_next)
    assert completed.returncode == 0, completed.stdout
    assert completed.stdout.count(WAITING) == 2


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_that_stays_is_given_up_with_what_to_do(apt_box: FreshBox, lock: str) -> None:
    with held(apt_box.path(lock)):
        completed = apt_box.shell(installation(apt_box, limit=0))
    assert completed.returncode == 1
    assert WAITING in completed.stdout
    last = completed.stdout.splitlines()[-1]
    assert "Another program is still installing packages" in last
    assert f"process {os.getpid()}" in last
    assert "run this again" in last
    assert "installed swig" not in completed.stdout


def test_the_limit_is_one_for_all_locks_of_a_run(apt_box: FreshBox) -> None:
    with held(apt_box.path("var/cache/apt/archives/lock")):
        completed = apt_box.shell(installation(apt_box, limit=900, waited=900))
    assert completed.returncode == 1
    assert "still installing packages after 15 minutes" in completed.stdout


RACES = {
    "dpkg: error: dpkg frontend lock was locked by another process with pid 4711": "process 4711",
    "dpkg: error: dpkg database lock was locked by another process with pid 4711": "process 4711",
    'debconf: DbDriver "config": /var/cache/debconf/config.dat is locked by another process:'
    " Resource temporarily unavailable": "unknown process",
}
"""What a step of apt-get says if another program took a lock after it began, and its name."""


def lose_a_race(box: FreshBox, said: str, *, once: bool) -> None:
    """Let apt-get fail to install with these words, once or always."""
    stand_in = box.folder / "bin" / "apt-get"
    raced = box.folder / "raced"
    (box.folder / "said").write_text(f"{said}\n")
    stand_in.write_text(
        stand_in.read_text().replace(
            "APT_CONFIG=",
            f"if [[ $* == *install* && ! -e {raced} ]]; then\n"
            f"    {f'touch {raced}' if once else ':'}; cat {box.folder}/said >&2\n"
            "    echo 'E: Sub-process /usr/bin/dpkg returned an error code (2)' >&2; exit 100\n"
            "fi\nAPT_CONFIG=",
        )
    )


@pytest.mark.parametrize("said", RACES)
def test_a_lock_that_another_takes_in_between_is_waited_for(apt_box: FreshBox, said: str) -> None:
    lose_a_race(apt_box, said, once=True)
    completed = apt_box.shell(installation(apt_box))
    assert completed.returncode == 0, completed.stdout
    assert completed.stdout.count(WAITING) == 1
    assert RACES[said] in completed.stdout
    assert "installed swig" in completed.stdout
    assert calls(apt_box, "install") == 2


@pytest.mark.parametrize("said", RACES)
def test_a_lock_that_another_takes_for_long_is_given_up(apt_box: FreshBox, said: str) -> None:
    lose_a_race(apt_box, said, once=False)
    completed = apt_box.shell(installation(apt_box, limit=900, waited=900))
    assert completed.returncode == 1
    assert "still installing packages after 15 minutes" in completed.stdout
    assert said in completed.stdout


def test_an_error_that_is_no_lock_fails_at_once(apt_box: FreshBox) -> None:
    shutil.rmtree(apt_box.folder / "packages")
    completed = apt_box.shell(installation(apt_box))
    assert completed.returncode == 1
    assert "failed (see above)" in completed.stdout
    assert "waiting" not in completed.stdout
    assert calls(apt_box, "update") == 1
    assert calls(apt_box, "install") <= 1


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_that_cannot_be_opened_fails_at_once(apt_box: FreshBox, lock: str) -> None:
    apt_box.path(lock).mkdir()
    completed = apt_box.shell(installation(apt_box))
    assert completed.returncode == 1, completed.stdout
    assert f"{lock} - open (21: Is a directory)" in completed.stdout
    assert "waiting" not in completed.stdout
    assert calls(apt_box, LOCKS[lock]) == 1


def test_apt_get_speaks_the_language_in_which_its_messages_are_read(apt_box: FreshBox) -> None:
    stand_in = apt_box.folder / "bin" / "apt-get"
    stand_in.write_text(
        stand_in.read_text().replace("echo ", 'echo "$LC_ALL:$LANGUAGE" >>$box/languages; echo ', 1)
    )
    language = "export LC_ALL=de_DE.UTF-8 LANGUAGE=de;"
    assert apt_box.shell(language + installation(apt_box)).returncode == 0
    assert set((apt_box.folder / "languages").read_text().split()) == {"C.UTF-8:"}
