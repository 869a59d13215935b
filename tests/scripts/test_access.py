"""The key, or the token server: asked for on a terminal, and where it ends up."""

import stat

from tests.scripts.fresh_box import FreshBox

KEY = "0123456789abcdef-the-key"
NOTHING_GIVEN = "api_key_file= token_url_given= token_secret_file= unattended=;"
ASK = f"{NOTHING_GIVEN} step Access settle_access; step Key put_secrets; say address=$token_url"


def test_a_key_that_is_typed_is_not_shown_and_ends_up_for_root_alone(box: FreshBox) -> None:
    seen = box.converse(ASK, KEY)
    assert KEY not in seen
    kept = box.path("etc/credstore/assemblyai-api-key")
    assert kept.read_text() == KEY
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_without_a_key_the_token_server_is_asked_for(box: FreshBox) -> None:
    seen = box.converse(ASK, "", "https://tokens.example.org/token")
    assert "address=https://tokens.example.org/token" in seen
    assert not box.path("etc/credstore").exists()


def test_both_can_wait(box: FreshBox) -> None:
    assert "address=\r\n" in box.converse(ASK, "", "")


def test_with_neither_terminal_nor_key_nothing_is_asked(box: FreshBox) -> None:
    assert "none yet" in box.shell(ASK).stdout


def test_unattended_nothing_is_asked_on_a_terminal_either(box: FreshBox) -> None:
    assert "none yet" in box.converse(ASK.replace("unattended=", "unattended=yes"))


def test_what_is_there_is_kept_unasked(box: FreshBox) -> None:
    box.write("etc/appliance/appliance.toml", '[service]\ntoken_url = "https://x"\n')
    assert "kept as it is" in box.converse(ASK)


def test_a_secret_for_the_token_server_is_kept_like_the_key(box: FreshBox) -> None:
    file = box.folder / "secret"
    file.write_text("s3cret\n")
    given = f"token_secret_file={file};"
    completed = box.shell(
        f"{NOTHING_GIVEN} {given} step Access settle_access; step Key put_secrets"
    )
    assert completed.returncode == 0, completed.stdout
    assert box.read("etc/credstore/appliance-token-secret") == "s3cret"
    assert "s3cret" not in completed.stdout
