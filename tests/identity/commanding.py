"""Commands of ``copconnect`` in the test's process."""

from pathlib import Path

from typer.testing import CliRunner, Result

from copconnect.cli import app


def run(*arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, list(arguments))


def words(result: Result) -> str:
    """Return what a command printed, without the line breaks of the terminal's width."""
    return " ".join(result.output.split())


def begun(folder: Path) -> str:
    """Make the data folder of a department, below another folder, and return its path."""
    data = str(folder / "data")
    result = run("init", "--department", "Test Police", "--data", data)
    assert result.exit_code == 0
    assert "offline storage" in result.output
    return data
