import json

import click

from appliance.maintenance.doctor.report import Named, as_json, is_well, line, summary
from appliance.maintenance.doctor.result import failed, fine, not_tried, warning

RESULTS: list[Named] = [
    ("version", fine("1.0")),
    ("I2C", warning("100 kHz", "make it faster")),
    ("microphone", failed("No microphone", "plug it in")),
    ("token", not_tried("no address")),
]


def plain(name: str, width: int = 0) -> str:
    return click.unstyle(line(name, dict(RESULTS)[name], width))


def test_each_result_has_a_mark_and_a_word() -> None:
    assert plain("version").startswith("✓ fine  ")
    assert plain("I2C").startswith("! warning  ")
    assert plain("microphone").startswith("✗ failed  ")
    assert plain("token").startswith("- not tried  ")


def test_names_results_and_remedies_stand_below_each_other() -> None:
    lines = [row for name, _ in RESULTS for row in plain(name).splitlines()]
    at = lines[0].index("1.0")
    assert lines[1].index("100 kHz") == at
    assert lines[2] == " " * at + "-> make it faster"
    assert lines[4] == " " * at + "-> plug it in"
    assert lines[5].index("no address") == at


def test_lines_are_wrapped_where_there_is_a_width() -> None:
    result = failed("one two three four " * 6, "five six seven eight " * 6)
    rows = click.unstyle(line("disk", result, 60)).splitlines()
    assert len(rows) > 4
    assert max(map(len, rows)) <= 60
    assert len(click.unstyle(line("disk", result)).splitlines()) == 2


def test_a_path_is_never_broken() -> None:
    path = "/var/lib/appliance/" + "a-long-name-" * 8
    assert path in click.unstyle(line("disk", fine(path), 60))


def test_the_summary_counts() -> None:
    assert summary(RESULTS) == "1 fine, 1 warning, 1 failed, 1 not tried"
    assert summary(RESULTS[:1]) == "1 fine"


def test_json_has_every_check_in_order() -> None:
    report = json.loads(as_json(RESULTS))
    assert report["ok"] is False
    assert report["checks"] == [
        {"name": "version", "result": "fine", "found": "1.0", "remedy": ""},
        {"name": "I2C", "result": "warning", "found": "100 kHz", "remedy": "make it faster"},
        {
            "name": "microphone",
            "result": "failed",
            "found": "No microphone",
            "remedy": "plug it in",
        },
        {"name": "token", "result": "not tried", "found": "no address", "remedy": ""},
    ]


def test_warnings_and_what_was_not_tried_are_allowed() -> None:
    assert is_well([RESULTS[0], RESULTS[1], RESULTS[3]])
    assert not is_well(RESULTS)
