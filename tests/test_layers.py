"""The architecture's layers: imports only run down, and no two packages import each other."""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LAYERS = (
    {"cli"},
    {"app"},
    {"controller"},
    {
        "history",
        "hardware",
        "maintenance",
        "mqtt",
        "screen",
        "servers",
        "streaming",
        "voice_commands",
    },
    {"settings"},
    {"system"},
    {"core"},
)
"""Packages from the top down; those of one layer do not know each other, unless listed below."""

BESIDE = {
    ("mqtt", "history"),  # finished turns that wait for the broker lie in the history's database
    ("mqtt", "screen"),  # the published state is the scene that the panel shows
    ("screen", "hardware"),  # the status LED is a screen on a GPIO pin
    ("voice_commands", "hardware"),  # an action switches a pin
    ("voice_commands", "history"),  # a command leaves a mark in the history
    ("voice_commands", "screen"),  # the outcome of a command is said in the words of the screen
    ("maintenance", "hardware"),  # the doctor tries every part
    ("maintenance", "history"),
    ("maintenance", "mqtt"),
    ("maintenance", "screen"),
    ("maintenance", "streaming"),
}
"""Imports within a layer: who, whom, and why. None of them has a way back."""

PACKAGES = sorted(set().union(*LAYERS))
DEPTH = {package: depth for depth, layer in enumerate(LAYERS) for package in layer}


def modules_imported_by(path: Path) -> Iterator[str]:
    """Yield the dotted name of every module that a file imports, late imports too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def imports_of(package: str) -> Iterator[tuple[str, str]]:
    """Yield each module below a package with the packages that it imports."""
    for path in sorted((ROOT / "appliance" / package).rglob("*.py")):
        parts = {tuple(name.split(".")[:2]) for name in modules_imported_by(path)}
        for top, *rest in sorted(parts):
            if top == "appliance" and rest and rest[0] in DEPTH:
                yield str(path.relative_to(ROOT)), rest[0]


def test_every_package_has_a_layer() -> None:
    top = {path for path in (ROOT / "appliance").iterdir() if path.name != "__pycache__"}
    modules = {path.name for path in top if path.is_file()}
    assert modules == {"__init__.py", "__main__.py"}
    assert {path.name for path in top if path.is_dir()} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_only_run_down(package: str) -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, imported in imports_of(package)
        if imported != package
        and DEPTH[imported] <= DEPTH[package]
        and (package, imported) not in BESIDE
    ]
    assert not wrong


def test_every_exception_is_needed() -> None:
    arrows = {(package, imported) for package in PACKAGES for _, imported in imports_of(package)}
    assert arrows >= BESIDE


def test_no_package_imports_itself_over_others() -> None:
    arrows = {
        package: {imported for _, imported in imports_of(package)} - {package}
        for package in PACKAGES
    }
    assert len(list(graphlib.TopologicalSorter(arrows).static_order())) == len(PACKAGES)


def test_no_module_imports_itself_over_others() -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in (ROOT / "appliance").rglob("*.py")
        if path.name != "__init__.py"
    }
    arrows = {name: set(modules_imported_by(path)) & set(modules) for name, path in modules.items()}
    assert len(list(graphlib.TopologicalSorter(arrows).static_order())) == len(modules)
