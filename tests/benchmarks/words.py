"""`./scripts/benchmark words [CASE...]`: counts the words said, lost and doubled, case by case.

The audio carries its own position in every 10 ms, and the scripted service hears a word only where
its audio really arrived, whole and in order. The appliance runs as a process of its own, hears the
audio through PyAudio and shows what the service heard on a simulated OLED. In the end what the
history holds is compared with what was said.

A word counts when PortAudio delivered all of it, while the program ran and somebody wanted to be
heard. Captions are live again when a word begun after the end of the fault stands on the OLED
within 1 s of its last sound. Without a fault that ends, the time runs from the press.
"""

import argparse
import concurrent.futures
import multiprocessing
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.cases import CASES
from tests.benchmarks.outcome import Outcome, table
from tests.benchmarks.trial import Trial
from tests.rig.card import NoCardError

CASES_PER_CORE = 3
"""Cases that run side by side on a core: each needs a tenth of one."""


class CaseError(Exception):
    """A case did not end; the message says where it stopped."""


def run(case: str) -> Outcome:
    """Put on one case; what it wrote is kept only if something went wrong."""
    folder = Path(tempfile.mkdtemp(prefix=f"words-{case}-"))
    try:
        with Trial(folder) as trial:
            CASES[case](trial)
            outcome = trial.outcome(case)
    except (AssertionError, OSError, NoCardError) as error:
        raise CaseError(f"{case}: {error}; see {folder}") from error
    if outcome.is_good:
        shutil.rmtree(folder)
        return outcome
    return outcome._replace(notes=(*outcome.notes, f"see {folder}"))


def main() -> None:
    """Run the cases named, or all; exit with 1 if a word was lost or doubled, or a case failed."""
    cases = _cases_asked_for()
    # A process for each: a microphone's environment variables hold for a whole process.
    pool = concurrent.futures.ProcessPoolExecutor(
        CASES_PER_CORE * (os.cpu_count() or 1),
        multiprocessing.get_context("spawn"),
        max_tasks_per_child=1,
    )
    outcomes: dict[str, Outcome] = {}
    with pool:
        # From the end of the list, where the long ones are.
        running = {pool.submit(run, case): case for case in reversed(cases)}
        for future in concurrent.futures.as_completed(running):
            try:
                outcomes[running[future]] = outcome = future.result()
            except CaseError as failure:
                _say(f"{failure}")
            else:
                _report(outcome)
    sys.stdout.write(table([outcomes[case] for case in cases if case in outcomes]) + "\n")
    good = [outcome for outcome in outcomes.values() if outcome.is_good]
    sys.exit(len(good) != len(cases))


def _cases_asked_for() -> list[str]:
    parser = argparse.ArgumentParser(
        prog="benchmark words", description="Counts words said, lost and doubled, case by case."
    )
    parser.add_argument(
        "case", nargs="*", choices=[[], *CASES], metavar="CASE", help=", ".join(CASES)
    )
    return parser.parse_args().case or list(CASES)


def _report(outcome: Outcome) -> None:
    verdict = "well" if outcome.is_good else f"{outcome.lost} lost, {outcome.doubled} doubled"
    _say(f"{outcome.case}: {verdict} ({outcome.said} words, {outcome.lasted:.0f} s)")
    for note in outcome.notes:
        _say(f"  {note}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress is for the one who waits


if __name__ == "__main__":
    main()
