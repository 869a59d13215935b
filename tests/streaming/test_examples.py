"""The examples in the docstrings of the shared vocabulary and of the transcription client."""

import doctest
import importlib
import pkgutil

import pytest

import appliance.core
import appliance.streaming

MODULES = [
    module.name
    for package in (appliance.core, appliance.streaming)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("module", MODULES)
def test_examples_work(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = map(importlib.import_module, MODULES)
    assert sum(bool(test.examples) for module in modules for test in finder.find(module)) > 5
