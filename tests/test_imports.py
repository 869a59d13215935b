"""Times of imports: on a Zero each of these libraries takes from a tenth of a second to two."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FIRST_PICTURE = "import appliance.cli, appliance.app.run, appliance.screen.panels.oled"
READY = f"{FIRST_PICTURE}, appliance.app.wiring"

NOT_FOR_THE_FIRST_PICTURE = (
    "appliance.controller.controller",
    "appliance.streaming",
    "gpiozero",
    "numpy",
    "pyaudio",
    "requests",
    "sqlite3",
    "ssl",
    "uniseg",
    "websocket",
)
ROOT = Path(__file__).parents[1] / "appliance"
PACKAGES = [path for path in ROOT.iterdir() if path.is_dir() and path.name != "__pycache__"]
ALONE = {"cli"}
"""Packages whose late imports come before the first thread."""

NOT_TO_BE_READY = (
    "luma.emulator",
    "numpy",
    "paho",
    "pocketsphinx",
    "requests",
    "ssl",
    "uniseg",
    "websocket",
)


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a new interpreter has after a statement."""
    code = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    root = Path(__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, cwd=root
    )
    return set(ran.stdout.split())


@pytest.fixture(scope="module")
def for_the_first_picture() -> set[str]:
    return loaded_by(FIRST_PICTURE)


@pytest.fixture(scope="module")
def to_be_ready() -> set[str]:
    return loaded_by(READY)


@pytest.mark.parametrize("module", NOT_FOR_THE_FIRST_PICTURE)
def test_the_first_picture_does_without(for_the_first_picture: set[str], module: str) -> None:
    assert {"luma.oled.device", "appliance.screen.render.renderer"} <= for_the_first_picture
    assert module not in for_the_first_picture


@pytest.mark.parametrize("module", NOT_TO_BE_READY)
def test_a_press_is_awaited_without(to_be_ready: set[str], module: str) -> None:
    assert {"appliance.controller.controller", "pyaudio"} <= to_be_ready
    assert module not in to_be_ready


def late_imports(tree: ast.AST) -> Iterator[ast.stmt | ast.Call]:
    """Yield each import in a function, and each call of `import_module` there."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom) or (
                    isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func)
                ):
                    yield node


def under_the_lock(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all that stands in `with import_lock` blocks."""
    for block in ast.walk(tree):
        if isinstance(block, ast.With) and any(
            ast.unparse(item.context_expr) == "import_lock" for item in block.items
        ):
            yield from ast.walk(block)


@pytest.mark.parametrize("package", sorted(path.name for path in PACKAGES))
def test_late_imports_are_made_one_at_a_time(package: str) -> None:
    unlocked = [
        f"{path}:{node.lineno}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for tree in [ast.parse(path.read_text("utf-8"))]
        for locked in [set(under_the_lock(tree))]
        for node in late_imports(tree)
        if node not in locked
    ]
    assert unlocked == [] or package in ALONE
