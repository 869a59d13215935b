import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.maintenance.provisioning.secrets_in_toml import (
    UNUSABLE,
    Secret,
    extract_secrets,
    without_unusable,
)

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "line",
    [
        f'api_key = "{KEY}"',
        f"api_key = '{KEY}'",
        f"api_key={KEY}",
        f'service.api_key = "{KEY}"',
        f'"service" . "api_key" = "{KEY}"',
        f'\tapi_key\t=\t" {KEY} "  ',
        f'API_KEY = "{KEY}"',
        f'api-key = "{KEY}"',
        f"ASSEMBLYAI_API_KEY={KEY}",
        f"api_key = \u201c{KEY}\u201d",  # what an editor made of straight quotes
        f"api_key = \u201e{KEY}\u201c",
    ],
)
def test_a_key_is_extracted_however_it_is_written(line: str) -> None:
    extraction = extract_secrets(f"[history]\n{line}\nkeep_days = 3\n")
    assert extraction.secrets == {Secret.API_KEY: KEY}
    assert KEY not in extraction.text
    assert extraction.unusable == {}


@pytest.mark.parametrize("name", ["mqtt_password", "mqtt-password", "mqtt.mqtt_password"])
def test_the_password_of_the_broker_is_taken_and_the_file_that_holds_it_left(name: str) -> None:
    extraction = extract_secrets(f'password_file = "/etc/p"\n{name} = "to the house"\n')
    assert extraction.unusable == {2: Secret.MQTT_PASSWORD}  # a password is one word
    extraction = extract_secrets(f'password_file = "/etc/p"\n{name} = "to-the-house"\n')
    assert extraction.secrets == {Secret.MQTT_PASSWORD: "to-the-house"}
    assert extraction.text == f'password_file = "/etc/p"\n# {name} = ""\n'


def test_everything_else_stays_as_it_is() -> None:
    before = (
        '# The kitchen\r\nname = "kitchen"\r\n\r\n[service]\r\n'
        f'  api_key = "{KEY}"  # of the house\r\ntoken_secret = "s3cret!"\r\n'
        'api_key_file = "/etc/key"\r\ntoken_secret_file = ""\r\nbroken = = \r\n# the end'
    )
    extraction = extract_secrets(before)
    assert extraction.secrets == {Secret.API_KEY: KEY, Secret.TOKEN_SECRET: "s3cret!"}
    assert extraction.text == (
        '# The kitchen\r\nname = "kitchen"\r\n\r\n[service]\r\n'
        '# api_key = ""  # of the house\r\n# token_secret = ""\r\n'
        'api_key_file = "/etc/key"\r\ntoken_secret_file = ""\r\nbroken = = \r\n# the end'
    )


@pytest.mark.parametrize(
    "text",
    [
        f'# api_key = "{KEY}"\n',
        f"#api_key={KEY}\n",
        f'[service]  # api_key = "{KEY}"\n',
        f'service = {{ url = "wss://x", api_key = "{KEY}" }}\n',
        f"service = {{api_key={KEY}}}\n",
        f'x = 1 # token_secret = "{KEY}\n',
        f"# api_key = \u201c{KEY}\u201d\n",
        f'name = "box"  # token_secret={KEY}\n',
        f'# for instance: "api_key = {KEY}"\n',
        f'x = "kitchen, api_key = "{KEY}"\n',
        f"x = 'it's' # api_key = '{KEY}'\n",
        f'service = {{ api_key = """{KEY}""" }}\n',
        f'service = {{ api_key = "\\"{KEY}" }}\n',
        f'service = {{ api_key = ["", "{KEY}"] }}\n',
        f'service = {{ api_key = {{ x = 1, y = "{KEY}" }} }}\n',
    ],
)
def test_a_key_in_a_comment_or_within_a_line_is_removed_and_not_used(text: str) -> None:
    extraction = extract_secrets(text)
    assert extraction.secrets == {}
    assert KEY not in extraction.text
    assert len(extraction.text.splitlines()) == len(text.splitlines())


@pytest.mark.parametrize(
    "line",
    [
        'url = "https://ha.local/hook?api_key=abc"',
        "url = 'https://ha.local/hook?token_secret=abc&x=1' # the lamp",
        '#url = "https://ha.local/hook?mqtt_password=abc"',
        'url = """https://ha.local/hook?api_key=abc"""',
        'x = { url = "https://ha.local/hook?api_key=abc" }',
    ],
)
def test_a_parameter_of_an_address_stays_as_it_is(line: str) -> None:
    for text in (line, f"[[commands]]\n{line}\nlines = 3\n", f"{line}\r\n"):
        extraction = extract_secrets(text)
        assert extraction.text == text
        assert extraction.secrets == {}
        assert extraction.unusable == {}


@pytest.mark.parametrize(
    "line",
    [
        f'service = {{ url = "wss://x", api_key = "{KEY}" }}',
        f'[service] api_key = "{KEY}"',
        f'x = "kitchen", api_key = "{KEY}"',
        f"phrase = 'x api_key = {KEY}'",
        f'phrase = ["lamp", "x api_key = {KEY}", "z"]',
        f'  "x api_key = {KEY}",',
    ],
)
def test_a_key_within_a_line_is_refused_with_the_number_of_the_line(line: str) -> None:
    extraction = extract_secrets(f"# mine\n{line}\nlines = 3\n")
    assert extraction.text == f"# mine\napi_key = {UNUSABLE}\nlines = 3\n"
    assert extraction.secrets == {}
    assert extraction.unusable == {2: Secret.API_KEY}


def test_a_parameter_of_an_address_hides_no_secret_behind_it() -> None:
    before = f'url = "http://x?api_key=abc" # api_key = {KEY}\napi_key = "{KEY}" # api_key = {KEY}'
    extraction = extract_secrets(before)
    assert extraction.text == (
        'url = "http://x?api_key=abc" # api_key = ""\n# api_key = "" # api_key = ""'
    )
    assert extraction.secrets == {Secret.API_KEY: KEY}


@pytest.mark.parametrize(
    "text",
    [
        f'api_key = "{KEY}\n',
        f'api_key = {KEY}"\n',
        f'api_key = "{KEY}" "\n',
        f'api_key = "two {KEY}"\n',
        f'api_key = "ä{KEY}"\n',
        f'api_key = ["{KEY}"]\n',
        f'api_key = """{KEY}"""\n',
        f'api_key = """\n{KEY}\n"""\n',
        f'api_key = """\n{KEY}\n',
        f"api_key =\n{KEY}\n",
        f'api_key = [\r\n  "{KEY}",\r\n]\r\n',
        f'api_key =\n"{KEY}"\n',
    ],
)
def test_a_key_that_can_not_be_used_is_removed_and_stays_a_mistake(text: str) -> None:
    extraction = extract_secrets(f'name = "box"\n{text}')
    assert extraction.secrets == {}
    assert extraction.unusable == {2: Secret.API_KEY}
    assert KEY not in extraction.text
    assert extraction.text.splitlines()[1] == f"api_key = {UNUSABLE}"
    assert len(extraction.text.splitlines()) == 1 + len(text.splitlines())
    assert extract_secrets(extraction.text).unusable == {2: Secret.API_KEY}


def test_what_follows_an_unfinished_key_stays() -> None:
    kept = '\n# a comment\n[button]\npin = 22\nname = "box"\n'
    for line in ("# a comment\n", "[button]\n", "pin = 22\n", "\n"):
        after = kept[kept.index(line) :]
        assert extract_secrets(f'api_key = """\n{KEY}\n{after}').text.endswith(f"\n\n{after}")


def test_a_key_left_empty_is_neither_taken_nor_a_mistake() -> None:
    assert extract_secrets('api_key = ""\npin = 1\n').text == '# api_key = ""\npin = 1\n'
    assert extract_secrets("api_key =\npin = 1\n").unusable == {}


def test_the_last_of_two_keys_counts() -> None:
    assert extract_secrets("api_key = one\nservice.api_key = two\n").secrets == {
        Secret.API_KEY: "two"
    }


WORDS = ["api_key", "token_secret", "service.", "pin", "abc", "\ufeff", "\udc80"]
SIGNS = [*"=\"'#[]{},\\ \u201c\x0b\x85\n\r", '"""', "\r\n"]
PIECES = st.sampled_from(WORDS + SIGNS)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_sifting_again_changes_and_finds_nothing(text: str) -> None:
    once = extract_secrets(text)
    again = extract_secrets(once.text)
    assert again.text == once.text
    assert again.secrets == {}
    assert again.unusable == once.unusable
    assert once.text.count("\n") == text.count("\n")


SAID = st.lists(
    st.sampled_from(["pin", "abc", "?api_key=", "&token_secret=", *"\"'#[]{},=\\ "]), max_size=8
).map("".join)
TEXTS = st.one_of(
    SAID.map(json.dumps),
    SAID.map(lambda said: f"'{said.replace(chr(39), '')}'"),
    SAID.map(lambda said: f'""{json.dumps(said)}""'),
)
VALUES = st.one_of(TEXTS, st.lists(TEXTS, max_size=3).map(lambda texts: f"[{', '.join(texts)}]"))
COMMENTS = st.just("") | SAID.map("  # {}".format)
SETTINGS = st.lists(st.tuples(VALUES, COMMENTS), max_size=4)


@given(SETTINGS, COMMENTS, SETTINGS)
def test_valid_toml_stays_valid_and_loses_secrets_alone(
    above: list[tuple[str, str]], comment: str, below: list[tuple[str, str]]
) -> None:
    first = "".join(f"x{n} = {value}{comment}\n" for n, (value, comment) in enumerate(above))
    second = "".join(f"y{n} = {value}{comment}\n" for n, (value, comment) in enumerate(below))
    secrets = f"api_key = '{KEY}'{comment}\n", f'token_secret = "s3cret!"{comment}\n'
    extraction = extract_secrets(f"{first}{secrets[0]}[service]\n{second}{secrets[1]}")
    assert tomllib.loads(extraction.text) == tomllib.loads(f"{first}[service]\n{second}")
    assert extraction.secrets == {Secret.API_KEY: KEY, Secret.TOKEN_SECRET: "s3cret!"}
    assert extraction.unusable == {}


@given(
    st.lists(PIECES, max_size=20).map("".join),
    st.sampled_from(["api_key = ", "service.api_key=", "token_secret = "]),
    st.sampled_from(['"', "'", "", '"""\n', "\n"]),
    st.lists(PIECES, max_size=20).map("".join),
)
def test_whatever_stands_around_it_a_key_never_stays(
    before: str, name: str, quote: str, after: str
) -> None:
    left = extract_secrets(f"{before}\n{name}{quote}{KEY}{quote}\n{after}").text
    assert KEY not in left


def test_a_large_file_of_one_line_takes_no_time() -> None:
    for piece in (
        "a",
        ".",
        " ",
        '"',
        "api_key=",
        "api_key ",
        "[",
        "'a'.",
        '="""',
        "{'",
        '="""\\',
        'api_key="""\\',
    ):
        extract_secrets(piece * (64 * 1024 // len(piece)))


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_mistakes_can_be_taken_back(end: str) -> None:
    refused = f'[service]\n# mine\nservice.api_key = "two {KEY}"{end}'
    assert without_unusable(extract_secrets(refused).text) == "[service]\n# mine\n"
    former = f'name = "not usable"\nservice."API-Key" = {UNUSABLE}{end}'
    assert without_unusable(former) == 'name = "not usable"\n'
