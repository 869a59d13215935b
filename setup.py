"""Everything is declared in pyproject.toml; this file serves tools that look for setup.py."""

from setuptools import setup

setup()
