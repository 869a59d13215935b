import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.maintenance.paths import Box
from appliance.maintenance.support_report.redaction import (
    known_secrets,
    redact_log,
    redact_settings,
)
from appliance.settings import schema


def test_the_secrets_of_the_box_are_known(tmp_path: Path) -> None:
    box = Box(tmp_path)
    assert known_secrets(box) == ()
    box.credentials.mkdir(parents=True)
    (box.credentials / "assemblyai-api-key").write_text("the-key\n")
    (box.credentials / "appliance-token-secret").write_text("")
    assert known_secrets(box) == (b"the-key",)


def test_a_known_secret_leaves_no_trace_in_a_log() -> None:
    assert redact_log(b"GET x?y=the-key&z, the-key", (b"the-key",)) == b"GET x?y=...&z, ..."


@pytest.mark.parametrize(
    ("line", "redacted"),
    [
        (
            b"GET /v3/ws?sample_rate=1&token=abc&x=1 ok",
            b"GET /v3/ws?sample_rate=1&token=...&x=1 ok",
        ),
        (b"Authorization: Bearer abc", b"Authorization: Bearer ..."),
        (b'{"password": "abc", "x": 1}', b'{"password": "...", "x": 1}'),
        (b"psk=abc", b"psk=..."),
        (b"ASSEMBLYAI: API-Key = 'abc'", b"ASSEMBLYAI: API-Key = '...'"),
        (b"Key refused: run: appliance doctor", b"Key refused: run: appliance doctor"),
        (b"no token in the answer", b"no token in the answer"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out_of_a_log(line: bytes, redacted: bytes) -> None:
    assert redact_log(line, ()) == redacted


def test_settings_lose_keys_and_what_addresses_may_hold() -> None:
    assert redact_settings(
        '[service]\nurl = "wss://me:word@x.org/v3/ws?a=b"\ntoken_url = "https://x.org/t?s=word"\n'
        'api_key = "word"\n# api_key = word\napi_key_file = "/etc/key"\n'
    ) == (
        '[service]\nurl = "wss://...@x.org/v3/ws?..."\ntoken_url = "https://x.org/t?..."\n'
        '# api_key = ""\n# api_key = ""\napi_key_file = "/etc/key"\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        'api_key: "{}"',
        'API Key = "{}"  # mine',
        "key={}",
        'key = "two {}"',
        '"api key" = "{}"',
        "# password: {} of the broker",
        '[mqtt]\npassword = "{}"',
        "[mqtt]\nPassword='{}'\nhost = \"x\"",
        '[service.parameters]\ntoken = "{}"',
        'service = {{ url = "wss://x", access_token = "{}" }}',
        'mqtt.password = """\n\n{}\n""" # its password',
        'password =\n"{}"\n',
        'tokens = [\n  "abc",\n  "{}",\n]\n',
        'password = "with \\" {}"',
        "password = \u201c{}\u201d",
        'api_key_file = "{}"',
        'token_url = "{}"',
        'token_url = "https://{}@x.org"',
        'token_url = "https://me:p@{}@x.org/t"',
        'token_url = "HTTPS://me:{}@x.org/t"',
        'token_url = "https://x.org/t#{}"',
        'token_url = "https://x.org" # token = {}',
        'password_file = "/etc/x", password = "{}"',
        'wpa_psk = "{}"',
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_no_setting_that_may_be_a_secret_stays(text: str, end: str) -> None:
    redacted = redact_settings(text.format("hunter2").replace("\n", end) + end + "lines = 3" + end)
    assert "hunter2" not in redacted
    assert redacted.endswith(f"{end}lines = 3{end}")


def test_a_key_under_any_name_is_removed() -> None:
    key = "0123456789abcdef0123456789ABCDEF"
    assert redact_settings(f'name = "{key}"\n{key}\n') == 'name = "..."\n...\n'


@pytest.mark.parametrize(
    "text",
    [
        "api_key_file = \"/etc/key\"\ntoken_secret_file = '/etc/secret' # mine\n",
        'token_url = "https://tokens.example.org/token"\n',
        "token_url = \"\"\npassword = '' # none\r\nlines = 3\n",
        'keyterms_prompt = ["Kubernetes", "Secretary"]\nkeep_days = 3\n',
        "password =\n[display]\nlines = 3\n",
        "password =\nlines = 3\n",
    ],
)
def test_settings_that_are_not_secret_stay_as_they_are(text: str) -> None:
    kept = text.replace("password =\n", 'password ="..."\n')
    assert redact_settings(text) == kept


def test_what_a_new_box_has_set_stays_as_it_is() -> None:
    defaults = (Path(schema.__file__).parent / "appliance.toml").read_text(encoding="utf-8")
    assert tomllib.loads(redact_settings(defaults)) == tomllib.loads(defaults)


def test_a_secret_without_an_end_takes_the_rest_with_it() -> None:
    assert redact_settings("password = '''\nx\nhunter2\nlines = 3\n") == 'password = "..."'


PIECES = st.sampled_from(
    ["key", "token", "_file", "_url", "password", "x", "://", '"""', *"=:\"'#[]{}, \n\r@?"]
)


@given(st.lists(PIECES, max_size=30).map("".join), st.lists(PIECES, max_size=20).map("".join))
def test_whatever_stands_around_it_a_secret_never_stays(before: str, after: str) -> None:
    assert "hunter2" not in redact_settings(f'{before}\npassword = "hunter2"\n{after}')


def test_a_large_file_takes_no_time() -> None:
    for piece in ("key", "key ", 'key="', "key=[", "_", "a://", "token-", 'key = """', "key:\n"):
        redact_settings(piece * (64 * 1024 // len(piece)))
