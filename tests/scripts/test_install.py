"""`scripts/install`: from a bare system to a running service, and from one version to the next."""

import stat

import pytest

from tests.scripts.fresh_box import FreshBox

KEY = "0123456789abcdef-the-key"

OTHER_SECRETS = (
    "appliance-token-secret",
    "appliance-fallback-token-secret",
    "appliance-mqtt-password",
)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> FreshBox:
    box = FreshBox(tmp_path_factory.mktemp("box"))
    assert box.run("install", ASSEMBLYAI_API_KEY=KEY).returncode == 0
    return box


@pytest.fixture
def installed(first: FreshBox) -> FreshBox:
    """A box for tests that leave what is installed as it is; that is what they are about."""
    first.renew_checkout()
    first.log.unlink()
    return first


def test_help_lists_every_option(box: FreshBox) -> None:
    completed = box.run("install", "--help")
    assert completed.returncode == 0
    for option in ("--api-key-file", "--token-url", "--token-secret-file", "--wheels", "--yes"):
        assert option in completed.stdout


@pytest.mark.parametrize("wrong", [["--api-key"], ["--wheels"], ["--wheels", "/nowhere"], ["x"]])
def test_wrong_usage_is_reported_and_changes_nothing(box: FreshBox, wrong: list[str]) -> None:
    before = box.files()
    completed = box.run("install", *wrong)
    assert completed.returncode == 2
    assert "usage:" in completed.stdout
    assert box.files() == before


def test_32_bits_are_refused_with_what_to_take_instead(box: FreshBox) -> None:
    (box.folder / "bits").write_text("32\n")
    completed = box.run("install")
    assert completed.returncode == 1
    assert "Raspberry Pi OS Lite (64-bit)" in completed.stdout
    assert not box.path("opt").exists()


def test_an_old_debian_is_refused(box: FreshBox) -> None:
    box.write("etc/os-release", 'ID=debian\nVERSION_ID="11"\n')
    completed = box.run("install")
    assert completed.returncode == 1
    assert "12 (Bookworm) or later is needed" in completed.stdout


def test_without_a_network_missing_packages_are_named(box: FreshBox) -> None:
    (box.folder / "missing-packages").write_text("python3-pyaudio\npolkitd\n")
    completed = box.run("install", "--wheels", str(box.folder))
    assert completed.returncode == 1
    assert "python3-pyaudio polkitd are missing" in completed.stdout
    assert not box.asked("apt-get")


@pytest.mark.parametrize("text", ["", "  \n", "two words", "a line\nand another", "caf\u00e9"])
def test_what_can_be_no_key_is_refused_and_not_repeated(box: FreshBox, text: str) -> None:
    file = box.folder / "key"
    file.write_text(text, encoding="utf-8")
    completed = box.run("install", "--api-key-file", str(file))
    assert completed.returncode == 1
    assert "must hold the API key alone" in completed.stdout
    assert not text.strip() or text.strip() not in completed.stdout


def test_an_invalid_address_is_refused(box: FreshBox) -> None:
    completed = box.run("install", "--token-url", "tokens.example.org")
    assert completed.returncode == 1
    assert "https://tokens.example.org/token" in completed.stdout


def test_only_one_installation_runs_at_a_time(box: FreshBox) -> None:
    box.path("run/lock").mkdir(parents=True)
    lock = box.path("run/lock/appliance-install")
    completed = box.shell(f"exec 9>{lock}; flock 9; {box.checkout}/scripts/install")
    assert completed.returncode == 1
    assert "Another installation is running" in completed.stdout


@pytest.mark.slow
def test_a_bare_system_becomes_a_running_appliance(box: FreshBox) -> None:
    file = box.folder / "key"
    file.write_bytes(b"\xef\xbb\xbf" + KEY.encode() + b"\r\n")
    completed = box.run("install", "--api-key-file", str(file))
    assert completed.returncode == 0, completed.stdout
    assert "is installed" in completed.stdout

    assert box.path("opt/appliance/bin/appliance").exists()
    assert str(box.path("usr/local/bin/appliance").readlink()) == "/opt/appliance/bin/appliance"
    assert 'device = "usb"' in box.read("etc/appliance/appliance.toml")
    for unit in ("appliance.service", "appliance-card.service"):
        assert box.path(f"etc/systemd/system/{unit}").exists()
        assert (box.folder / f"enabled-{unit}").exists()
    assert not (box.folder / "enabled-appliance-report@.service").exists()
    hook = box.path("usr/lib/systemd/system-shutdown/appliance")
    assert hook.stat().st_mode & stat.S_IXOTH
    assert "systemctl restart appliance.service" in box.asked("systemctl")
    assert "systemctl restart systemd-journald.service" in box.asked("systemctl")

    key = box.path("etc/credstore/assemblyai-api-key")
    assert key.read_text() == KEY
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert KEY not in completed.stdout + box.log.read_text()
    assert not list(box.root.rglob("*.new"))


@pytest.mark.slow
@pytest.mark.xdist_group("installed")
def test_again_there_is_nothing_to_do(installed: FreshBox) -> None:
    before = installed.files()
    completed = installed.run("install")
    assert completed.returncode == 0
    assert "Nothing to do" in completed.stdout
    assert installed.files() == before
    assert not any("restart" in line for line in installed.asked("systemctl"))


@pytest.mark.slow
def test_an_upgrade_keeps_settings_and_key_and_one_old_release(box: FreshBox) -> None:
    assert box.run("install", ASSEMBLYAI_API_KEY=KEY).returncode == 0
    box.write("etc/appliance/appliance.toml", 'name = "kitchen" # mine\n')
    (box.checkout / "systemd/modules-load.d/appliance.conf").unlink()
    (box.checkout / "systemd/appliance-card.service").unlink()
    for version in ("0.8.0", "0.9.0"):
        box.change_version(version)
        completed = box.run("install", "--token-url", "https://tokens.example.org/a?b=1&c=/|")
        assert completed.returncode == 0, completed.stdout
    assert box.read("etc/appliance/appliance.toml") == (
        'name = "kitchen" # mine\n\n[service]\ntoken_url = "https://tokens.example.org/a?b=1&c=/|"\n'
    )
    assert box.read("etc/credstore/assemblyai-api-key") == KEY
    assert box.release() == "0.9.0-3"
    assert not box.path("etc/modules-load.d/appliance.conf").exists()
    assert not box.path("etc/systemd/system/appliance-card.service").exists()
    assert not (box.folder / "enabled-appliance-card.service").exists()
    kept = {path.name for path in box.path("opt/appliance-releases").iterdir() if path.is_dir()}
    assert kept == {"0.8.0-2", "0.9.0-3"}


@pytest.mark.slow
@pytest.mark.xdist_group("installed")
def test_a_version_that_does_not_start_gives_way_to_the_old_one(installed: FreshBox) -> None:
    before, old = installed.files(), installed.release()
    unit = installed.read("etc/systemd/system/appliance.service")
    installed.change_version("0.9.0")
    (installed.checkout / "systemd/appliance.service").write_text(f"{unit}# new\n")
    (installed.folder / "bad-releases").write_text("0.9.0-2\n")
    completed = installed.run("install")
    assert completed.returncode == 1
    assert "the log: it did not work" in completed.stdout
    assert "The new version does not start" in completed.stdout
    assert installed.release() == old
    assert installed.read("etc/systemd/system/appliance.service") == unit
    assert installed.files() == before
    restarts = [line for line in installed.asked("systemctl") if "restart appliance.s" in line]
    assert len(restarts) == 2


@pytest.mark.slow
@pytest.mark.xdist_group("installed")
def test_a_version_that_can_not_be_loaded_touches_nothing_that_runs(installed: FreshBox) -> None:
    before = installed.files()
    (installed.checkout / "appliance/app/run.py").write_text("import no_such_module\n")
    completed = installed.run("install")
    assert completed.returncode == 1
    assert "The new version can't be loaded" in completed.stdout
    assert "The former version is still in use" in completed.stdout
    assert installed.files() == before
    assert not installed.asked("systemctl")


@pytest.mark.slow
def test_an_installation_made_by_hand_is_taken_over(box: FreshBox) -> None:
    box.write("opt/appliance/bin/appliance", "#!/bin/sh\n")
    box.change_version("0.9.0")
    (box.folder / "bad-releases").write_text("0.9.0-1\n")
    assert box.run("install").returncode == 1
    assert box.read("opt/appliance/bin/appliance") == "#!/bin/sh\n"
    (box.folder / "bad-releases").unlink()
    completed = box.run("install")
    assert completed.returncode == 0, completed.stdout
    assert box.release() == "0.9.0-1"
    assert "no API key yet" in completed.stdout


@pytest.mark.slow
def test_while_an_image_is_built_systemd_is_left_alone(box: FreshBox) -> None:
    box.path("run/systemd/system").rmdir()
    completed = box.run("install")
    assert completed.returncode == 0, completed.stdout
    assert "it starts with the box" in completed.stdout
    assert (box.folder / "enabled-appliance.service").exists()
    assert not [line for line in box.asked("systemctl") if "--root" not in line]


@pytest.mark.slow
@pytest.mark.parametrize("purge", [False, True])
def test_uninstalling_leaves_only_what_it_says(box: FreshBox, purge: bool) -> None:
    before = box.files()
    assert box.run("install", ASSEMBLYAI_API_KEY=KEY).returncode == 0
    box.write("var/lib/appliance/history.db", "what was said")
    for name in OTHER_SECRETS:
        box.write(f"etc/credstore/{name}", "s3cret")
    completed = box.run("uninstall", *(["--purge"] if purge else []))
    assert completed.returncode == 0, completed.stdout
    left = box.files() - before - {"run/lock/appliance-install"}
    if purge:
        assert not left
        assert "appliance" not in box.read("etc/group")
    else:
        assert left == {
            "etc/appliance/appliance.toml",
            "etc/credstore/assemblyai-api-key",
            *(f"etc/credstore/{name}" for name in OTHER_SECRETS),
            "var/lib/appliance/history.db",
        }
    assert not list(box.folder.glob("enabled-*"))
    assert "nothing to do" in box.run("uninstall").stdout
