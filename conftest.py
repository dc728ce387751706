"""Fixtures for every test, beside the package and under tests/."""

from hypothesis import settings

pytest_plugins = ["tests.harness.fixtures"]

# A busy machine is no failure: no example has a time limit of its own.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
