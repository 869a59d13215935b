from pathlib import Path

import pytest

from appliance.card.partition import Box
from appliance.card.scrubbing import known_secrets, scrub_log, scrub_settings


def test_the_secrets_of_the_box_are_known(tmp_path: Path) -> None:
    box = Box(tmp_path)
    assert known_secrets(box) == ()
    box.credentials.mkdir(parents=True)
    (box.credentials / "assemblyai-api-key").write_text("the-key\n")
    (box.credentials / "appliance-token-secret").write_text("")
    assert known_secrets(box) == (b"the-key",)


def test_a_known_secret_leaves_no_trace_in_a_log() -> None:
    assert scrub_log(b"GET x?y=the-key&z, the-key", (b"the-key",)) == b"GET x?y=...&z, ..."


@pytest.mark.parametrize(
    ("line", "scrubbed"),
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
def test_what_looks_like_a_secret_is_taken_out_of_a_log(line: bytes, scrubbed: bytes) -> None:
    assert scrub_log(line, ()) == scrubbed


def test_settings_lose_keys_and_what_addresses_may_hold() -> None:
    assert scrub_settings(
        '[service]\nurl = "wss://me:word@x.org/v3/ws?a=b"\ntoken_url = "https://x.org/t?s=word"\n'
        'api_key = "word"\n# api_key = word\napi_key_file = "/etc/key"\n'
    ) == (
        '[service]\nurl = "wss://...@x.org/v3/ws?..."\ntoken_url = "https://x.org/t?..."\n'
        '# api_key = ""\n# api_key = ""\napi_key_file = "/etc/key"\n'
    )
