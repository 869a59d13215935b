"""Figures by the length of the talk before, and by the panel."""

import random

from appliance.screen.scene import Scene
from appliance.settings.schema import DisplaySettings
from tests.benchmarks.screen_figures import ANY_CHANGE, GROWTH, median, p99
from tests.benchmarks.screen_replay import drawn, sent
from tests.benchmarks.screen_report import Report
from tests.benchmarks.screen_talk import conversation, finished_turns, monologue, some_words
from tests.benchmarks.screen_trials import APPENDED, Trial, Trials, best

CHANGES = 200
"""Messages of a run."""

CAPTIONS = 20.0
"""Seconds of live captions whose scenes each panel shows."""

WORDS_BEHIND = (10, 1_000, 100_000)
LONG_TURN = 50
"""Words of a turn in a long transcript."""

MOST_WORDS_SENT = 4_000_000
"""Each message of an endless turn holds all of it: with 100,000 words, ten megabytes."""

OLED = DisplaySettings()
PANELS = {
    "SSD1306 128x64, 2 lines": DisplaySettings(lines=2),
    "SSD1306 128x64, 3 lines": OLED,
    "SSD1306 128x64, 6 lines": DisplaySettings(lines=6),
    "SSD1306 128x32": DisplaySettings(height=32),
    "SH1106 128x64, 3 lines": DisplaySettings(driver="sh1106"),
}


def report_growth(trials: Trials, report: Report) -> None:
    """Print how the figures grow with what was said before."""
    rows = []
    for name, behind in (("many turns", _many_turns), ("one turn", _one_turn)):
        least = 0.0
        for words in WORDS_BEHIND:
            trial = behind(trials, words)
            least = least or median(trial.after_handling(APPENDED))
            rows.append((f"{words:,} words in {name}", *_growth_cells(trial, least, report)))
    headings = (
        "behind",
        "message read, ms",
        "then a word shown, p50",
        "p99",
        "any change, p99",
        "bytes a frame",
        "CPU of drawing",
        "p50 grows",
        "target",
    )
    report.table(headings, rows)


def _growth_cells(trial: Trial, least: float, report: Report) -> tuple[str, ...]:
    words, changes = trial.after_handling(APPENDED), trial.after_handling()
    pictures, drawing = drawn(trial.scenes, OLED)
    growth = median(words) / least
    return (
        f"{median(trial.handled()):.2f}",
        f"{median(words):.1f}",
        f"{p99(words):.1f}",
        f"{p99(changes):.1f}",
        f"{trial.bytes_sent / len(pictures):.0f}",
        f"{median(drawing):.2f}",
        f"{growth:.2f}",
        report.verdict(GROWTH, growth),
    )


def _many_turns(trials: Trials, words: int) -> Trial:
    before = list(finished_turns(random.Random(words), words, LONG_TURN))

    def run() -> Trial:
        talk = conversation(random.Random(5), first=len(before))
        return trials.reactions(OLED, talk, CHANGES, before=before)

    return best(run)


def _one_turn(trials: Trials, words: int) -> Trial:
    said = some_words(random.Random(words), words)
    count = min(CHANGES, MOST_WORDS_SENT // words)
    return best(lambda: trials.reactions(OLED, monologue(random.Random(5), 0, said), count))


def report_panels(trials: Trials, report: Report) -> None:
    """Print the figures of other panels."""
    captions = trials.captions(OLED, CAPTIONS).scenes
    rows = []
    for name, panel in PANELS.items():
        rows.append((name, *_delay_cells(trials, panel, report), *_cost_cells(captions, panel)))
    headings = (
        "panel",
        "a word, ms, p50",
        "p99",
        "any change, p99",
        "target",
        "p50 / luma's",
        "captions: bytes / luma's",
        "CPU a frame, ms",
        "packing / luma's",
    )
    report.table(headings, rows)


def _delay_cells(trials: Trials, panel: DisplaySettings, report: Report) -> tuple[str, ...]:
    ours = best(lambda: trials.reactions(panel, conversation(random.Random(5)), CHANGES))
    lumas = trials.reactions(panel, conversation(random.Random(5)), CHANGES // 2, whole=True)
    return (
        f"{median(ours.shown(APPENDED)):.1f}",
        f"{p99(ours.shown(APPENDED)):.1f}",
        f"{p99(ours.shown()):.1f}",
        report.verdict(ANY_CHANGE, p99(ours.shown()), typical=median(ours.shown())),
        f"{median(ours.shown()) / median(lumas.shown()):.2f}",
    )


def _cost_cells(scenes: list[Scene], panel: DisplaySettings) -> tuple[str, ...]:
    pictures, drawing = drawn(scenes, panel)
    ours, lumas = sent(pictures, panel), sent(pictures, panel, whole=True)
    both = [draw + send for draw, send in zip(drawing, ours.cpu, strict=True)]
    return (
        f"{ours.bytes_sent / lumas.bytes_sent:.2f}",
        f"{median(both):.2f}",
        f"{median(ours.cpu) / median(lumas.cpu):.2f}",
    )
