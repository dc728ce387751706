"""Fixtures for every test, beside the package and under tests/."""

pytest_plugins = ["tests.harness.fixtures"]
