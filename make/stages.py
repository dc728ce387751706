"""Run the checks of `make test` one after the other and print a summary.

Every stage runs even when an earlier one failed, so that one run shows everything that is wrong;
the exit status is 1 when any failed. A lint stage counts as one check; a test stage counts its
tests, read from the JUnit file it writes. The last line is `N passed, N failed, N skipped`.
Lint stages run two at a time, their output shown when they end; test stages own the terminal.
Imports only the standard library.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
ARTEFACTS = ROOT / ".artefacts"
STAGE_LIMIT_S = 25 * 60
PYTHON = (sys.executable, "-m")


@dataclass(frozen=True)
class Stage:
    """A command to run. ``junit`` names the result file it writes, for stages that run tests."""

    name: str
    command: tuple[str, ...]
    group: str
    junit: str | None = None
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a stage came to."""

    stage: Stage
    succeeded: bool
    seconds: float
    passed: int
    failed: int
    skipped: int


def lint_stage(name: str, *command: str) -> Stage:
    """Return a stage that counts as one check."""
    return Stage(name, command, "lint")


def pytest_stage(name: str, group: str, *arguments: str) -> Stage:
    """Return a stage that runs pytest."""
    junit = f"{name.replace(' ', '-')}.xml"
    command = (*PYTHON, "pytest", "--quiet", f"--junitxml={ARTEFACTS / junit}", *arguments)
    return Stage(name, command, group, junit)


def vitest_stage(name: str, workspace: str) -> Stage:
    """Return a stage that runs the tests of one npm workspace."""
    junit = f"{name.replace(' ', '-')}.xml"
    command = (
        *("npx", "vitest", "run", "--root", workspace),
        *("--reporter=default", "--reporter=junit", f"--outputFile.junit={ARTEFACTS / junit}"),
    )
    return Stage(name, command, "unit", junit)


STAGES: tuple[Stage, ...] = (
    lint_stage("mypy", *PYTHON, "mypy"),
    lint_stage("eslint", "npx", "eslint", ".", "--max-warnings", "0"),
    lint_stage("ruff check", *PYTHON, "ruff", "check", "--quiet", "src", "tests", "make"),
    lint_stage(
        "ruff format", *PYTHON, "ruff", "format", "--check", "--quiet", "src", "tests", "make"
    ),
    lint_stage("layers", str(Path(sys.executable).with_name("lint-imports"))),
    lint_stage("wire types", *PYTHON, "copconnect.wire_typescript", "--check"),
    lint_stage("tracked files", sys.executable, "make/tracked_files.py"),
    lint_stage("client types", "npm", "run", "--silent", "typecheck", "--workspace", "client"),
    lint_stage("web types", "npm", "run", "--silent", "typecheck", "--workspace", "web"),
    lint_stage("prettier", "npx", "prettier", "--check", "--log-level", "warn", "."),
    pytest_stage("server tests", "unit", "-m", "not browser"),
    vitest_stage("client tests", "client"),
    vitest_stage("web tests", "web"),
    pytest_stage("browser tests", "browser", "-m", "browser"),
)


def count_tests(report: Path) -> tuple[int, int, int]:
    """Return (passed, failed, skipped) of a JUnit file; (0, 0, 0) where there is none."""
    if not report.exists():
        return 0, 0, 0
    passed = failed = skipped = 0
    # The file is our own test runner's; nobody else writes it.
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def run(stage: Stage, *, quiet: bool) -> Outcome:
    """Run a stage in its own process group and count its results."""
    started = time.monotonic()
    if not quiet:
        print(f"\n==> {stage.name}", flush=True)
    report = ARTEFACTS / stage.junit if stage.junit else None
    if report is not None:
        report.unlink(missing_ok=True)
    process = subprocess.Popen(
        stage.command,
        cwd=ROOT,
        env=os.environ | stage.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=STAGE_LIMIT_S)
    except subprocess.TimeoutExpired:
        print(f"    {stage.name} took longer than {STAGE_LIMIT_S // 60} minutes; ended.")
        output = stop_group(process)
    except BaseException:
        stop_group(process)
        raise
    succeeded = process.returncode == 0
    seconds = time.monotonic() - started
    if quiet:
        mark = "ok" if succeeded else "FAILED"
        print(f"==> {stage.name}: {mark} ({seconds:.0f} s)", flush=True)
        if not succeeded:
            print(output, flush=True)
    passed, failed, skipped = count_tests(report) if report else (int(succeeded), 0, 0)
    if not succeeded and not failed:
        failed = 1  # The stage itself: a crash, or no test at all.
    return Outcome(stage, succeeded, seconds, passed, failed, skipped)


def stop_group(process: subprocess.Popen[str]) -> str:
    """End a stage and everything it started; return what it had printed."""
    os.killpg(process.pid, signal.SIGKILL)
    output, _ = process.communicate()
    return output or ""


def run_all(stages: Sequence[Stage]) -> Iterator[Outcome]:
    """Run lint stages two at a time, then the others one by one."""
    lint = [stage for stage in stages if stage.group == "lint"]
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield from pool.map(lambda stage: run(stage, quiet=True), lint)
    for stage in stages:
        if stage.group != "lint":
            yield run(stage, quiet=False)


def main(arguments: Sequence[str]) -> int:
    """Run the group named by the only argument: all, lint, unit or browser."""
    groups = {stage.group for stage in STAGES}
    if len(arguments) != 1 or arguments[0] not in groups | {"all"}:
        print(f"usage: stages.py all|{'|'.join(sorted(groups))}", file=sys.stderr)
        return 2
    ARTEFACTS.mkdir(exist_ok=True)
    chosen = [stage for stage in STAGES if arguments[0] in ("all", stage.group)]
    outcomes = list(run_all(chosen))
    print("\n==> Summary")
    for outcome in outcomes:
        mark = "ok    " if outcome.succeeded else "FAILED"
        print(
            f"    {mark} {outcome.stage.name:<16} {outcome.seconds:6.0f} s"
            f"  {outcome.passed} passed, {outcome.failed} failed, {outcome.skipped} skipped"
        )
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    skipped = sum(outcome.skipped for outcome in outcomes)
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 0 if all(outcome.succeeded for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
