from tests.benchmarks.soak_log import Unexplained, unexplained

CALM = "13:38:03 INFO    appliance.controller.controller: session 5e551011 begins\n"
OLED = "13:38:04 WARNING appliance.screen.display: The OLED does not answer: check its wires\n"
DISK = "13:38:05 ERROR   appliance.history.writer: the history can't be written: disk full\n"


def test_what_is_only_reported_needs_no_cause() -> None:
    assert unexplained([CALM], []) == Unexplained([], [])


def test_a_warning_and_an_error_without_a_cause_are_found() -> None:
    assert unexplained([CALM, OLED, DISK], []) == Unexplained([DISK.strip()], [OLED.strip()])


def test_a_fault_explains_its_lines_alone() -> None:
    assert unexplained([OLED, DISK], ["does not answer"]) == Unexplained([DISK.strip()], [])


def test_a_stack_trace_is_severe_whatever_was_played() -> None:
    trace = ["Traceback (most recent call last):\n", '  File "x.py", line 1, in run\n']
    found = unexplained([CALM, *trace], ["does not answer"])
    assert found.severe == [line.rstrip("\n") for line in trace]


def test_a_librarys_own_words_are_severe() -> None:
    assert unexplained(["ALSA lib pcm.c:2721: unknown PCM\n"], []).severe
