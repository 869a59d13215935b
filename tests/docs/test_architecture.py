"""The architecture page lists the threads, states and packages that there are."""

import ast
from collections.abc import Iterator

import pytest

from appliance.controller.states import TRANSITIONS, Input, State
from tests.docs.pages import ROOT, code_spans, rows

PAGE = "docs/architecture.md"


def threads() -> Iterator[tuple[str, str]]:
    """Yield each module that makes a thread, and the thread's name up to what varies in it."""
    for path in sorted((ROOT / "appliance").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for value in _names_of_threads(node):
                if name := _fixed_part(value):
                    yield str(path.relative_to(ROOT)), name


def _names_of_threads(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        called = str(getattr(node.func, "attr", getattr(node.func, "id", "")))
        if called in {"Thread", "Process"}:
            yield from (key.value for key in node.keywords if key.arg == "name")
        elif called == "run_within":
            yield node.args[2]
        elif called == "LoopThread":
            yield node.args[0]
    elif isinstance(node, ast.Assign):  # a timer has no argument for its name
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            target, value = target.elts[0], value.elts[0]
        if isinstance(target, ast.Attribute) and target.attr == "name":
            yield value


def _fixed_part(value: ast.expr) -> str:
    first = value.values[0] if isinstance(value, ast.JoinedStr) else value
    return str(first.value) if isinstance(first, ast.Constant) else ""


def test_the_threads_are_found() -> None:
    assert {"history", "network", "session-"} <= {name for _, name in threads()}


@pytest.mark.parametrize(("module", "name"), list(threads()))
def test_every_thread_is_listed_with_its_owner(module: str, name: str) -> None:
    varies = name[-1] in "- "
    assert any(span.startswith(name) if varies else span == name for span in code_spans(PAGE))
    owners = [row[1] for row in rows(PAGE, "Threads") if row[0].startswith(f"`{name}")]
    assert owners in ([], [f"`{module}`"])


def test_every_cell_of_the_state_table_is_that_of_the_code() -> None:
    inputs = [given.name for given in Input]
    table = {
        (state, given): cell.partition(":")[0].strip("-")
        for state, *cells in rows(PAGE, "States")
        for given, cell in zip(inputs, cells, strict=True)
    }
    assert table == {
        (state.name, given.name): transition.to.name if transition else ""
        for (state, given), transition in TRANSITIONS.items()
    }
    assert {state for state, _ in table} == {state.name for state in State}


def test_every_package_is_listed() -> None:
    folders = [path.parent for path in (ROOT / "appliance").rglob("__init__.py")]
    listed = set(code_spans(PAGE))
    missing = [
        folder.relative_to(ROOT)
        for folder in folders
        if not any(span.startswith(f"{folder.relative_to(ROOT)}/") for span in listed)
    ]
    assert missing == []
