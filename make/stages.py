"""Run the checks of `make test` one after the other and print a summary.

Every stage runs even when an earlier one failed, so that one run shows everything that is wrong;
the exit status is 1 when any failed. A lint stage counts as one check; a test stage counts its
tests, read from the JUnit file it writes. The last line is `N passed, N failed, N skipped`. Checks
of one core are given the time that test stages leave, which wait for databases and screens, and
their output is shown when they fail; test stages own the terminal. Without test stages, checks run
two at a time. The client's tests run at the same time as those of browsers, as quietly as a check:
either stage alone leaves a tenth of the cores' time unused. Temporary files of a run lie in memory
where there is plenty of it. With RERUN_FAILED=1, as CI sets it, a test stage with failures in
few files runs those once more: what then passes counts as passed and is named in the summary as
flaky. Imports only the standard library.
"""

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
ARTEFACTS = ROOT / ".artefacts"
STAGE_LIMIT_S = 25 * 60
RERUN_AT_MOST = 5  # Files: more than this is not bad luck. In one, a failure makes others fail.
PYTHON = (sys.executable, "-m")
NODE = "node_modules/.bin"  # Starting npx takes 0.65 s for each command.
POLITELY = ("nice", "-n", "19")
CORES = os.cpu_count() or 1
MEMORY = Path("/dev/shm")  # noqa: S108 - the system's file system in memory.
MEMORY_FREE = 8 << 30  # A run keeps 2 GB there at most, and its processes as much.


@dataclass(frozen=True)
class Case:
    """A test by the names that its JUnit file gives it; ``place`` is its module or file."""

    place: str
    name: str

    def __str__(self) -> str:
        return f"{self.place} {self.name}"


@dataclass(frozen=True)
class Results:
    """The results in a JUnit file."""

    passed: int = 0
    failed: tuple[Case, ...] = ()
    skipped: int = 0


@dataclass(frozen=True)
class Stage:
    """A command to run, on ``paths``. Stages that run tests name the JUnit file they write, and
    give the paths of the files of the tests that failed and of no others. ``beside``: it uses one
    core and knows no time limit, so that it runs beside another stage. ``with_stage``: it runs at
    the same time as that stage, with the arguments ``fewer``; else alone."""

    name: str
    command: tuple[str, ...]
    group: str
    beside: bool = False
    junit: str | None = None
    paths: tuple[str, ...] = ()
    again: Callable[[Sequence[Case]], Sequence[str]] | None = None
    with_stage: str = ""
    fewer: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The result of a stage."""

    stage: Stage
    succeeded: bool
    seconds: float
    processor_s: float
    passed: int
    failed: int
    skipped: int
    flaky: tuple[Case, ...] = ()


def lint_stage(name: str, *command: str) -> Stage:
    """Return a stage that counts as one check."""
    return Stage(name, command, "lint", beside=True)


def pytest_stage(name: str, group: str, *arguments: str, paths: tuple[str, ...] = ()) -> Stage:
    """Return a stage that runs pytest, on the paths of its configuration or on others."""
    junit = f"{name.replace(' ', '-')}.xml"
    command = (*PYTHON, "pytest", "--quiet", f"--junitxml={ARTEFACTS / junit}", *arguments)
    return Stage(name, command, group, junit=junit, paths=paths, again=modules_of)


def shared_out(workers: int) -> tuple[str, ...]:
    """Return pytest's arguments for so many workers, each with its own services. A file's tests
    stay together: they share a server."""
    return ("-n", str(min(4, workers)), "--dist", "loadfile", "--no-loadscope-reorder")


def vitest_stage(name: str, workspace: str, with_stage: str = "") -> Stage:
    """Return a stage that runs the tests of one npm workspace; in two processes where it runs
    together with another."""
    junit = f"{name.replace(' ', '-')}.xml"
    command = (
        *(f"{NODE}/vitest", "run", "--root", workspace),
        *("--reporter=default", "--reporter=junit", f"--outputFile.junit={ARTEFACTS / junit}"),
    )
    fewer = ("--maxWorkers=2",)
    return Stage(
        *(name, command, "unit"), junit=junit, again=files_of, with_stage=with_stage, fewer=fewer
    )


def files_of(failed: Sequence[Case]) -> Sequence[str]:
    """Return the files of tests that vitest names by file."""
    return sorted({case.place for case in failed})


def modules_of(failed: Sequence[Case]) -> Sequence[str]:
    """Return the files of tests that pytest names by module (and class). Whole files, because
    tests of one share a server and its messages."""
    modules = {re.sub(r"(\.|^)(test_\w+).*", r"\1\2", case.place) for case in failed}
    return sorted(f"{module.replace('.', '/')}.py" for module in modules)


# To read the files of all tests takes each worker ten seconds: each stage names its own.
BROWSER = "tests/browser"
SOURCES = ("src", "bench", "demo", "guard", "tests", "spec", "make")
STAGES: tuple[Stage, ...] = (
    # Files that take longest go first, so that no core is left alone with one.
    lint_stage("eslint", f"{NODE}/eslint", ".", "--max-warnings", "0"),
    lint_stage("mypy", *PYTHON, "mypy"),
    lint_stage("oxfmt", f"{NODE}/oxfmt", "--check", "."),
    lint_stage("web types", "npm", "run", "--silent", "typecheck", "--workspace", "web"),
    lint_stage("language", *PYTHON, "make.language"),
    lint_stage("changes", *PYTHON, "towncrier", "build", "--draft", "--version", "next"),
    lint_stage("client types", "npm", "run", "--silent", "typecheck", "--workspace", "client"),
    lint_stage("tracked files", sys.executable, "make/tracked_files.py"),
    lint_stage("ruff check", *PYTHON, "ruff", "check", "--quiet", *SOURCES),
    lint_stage(
        "ruff format",
        *PYTHON,
        "ruff",
        "format",
        "--check",
        "--quiet",
        *SOURCES,
    ),
    lint_stage("layers", str(Path(sys.executable).with_name("lint-imports"))),
    lint_stage("wire types", *PYTHON, "copconnect.wire.typescript", "--check"),
    lint_stage("operations", *PYTHON, "make.operations", "--check"),
    lint_stage("structure", *PYTHON, "make.structure"),
    lint_stage("names", *PYTHON, "make.names"),
    vitest_stage("web tests", "web"),
    # They wait for databases, servers, clocks and screens: one more than there are cores keeps
    # these busy. Two more take no less time, and each reads all tests once more.
    pytest_stage("server tests", "unit", f"--ignore={BROWSER}", *shared_out(CORES + 1)),
    vitest_stage("client tests", "client", with_stage="browser tests"),
    pytest_stage("browser tests", "browser", *shared_out(CORES + 1), paths=(BROWSER,)),
)


def read_results(report: Path | None) -> Results:
    """Return what a JUnit file says; nothing where there is none."""
    if report is None or not report.exists():
        return Results()
    passed = skipped = 0
    failed: list[Case] = []
    # The file is our own test runner's; nobody else writes it.
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(Case(case.get("classname", ""), case.get("name", "")))
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return Results(passed, tuple(failed), skipped)


def run(stage: Stage, *, quiet: bool = False, politely: bool = False) -> Outcome:
    """Run a stage and count its results; once more what failed, where that is asked for. With
    ``politely`` it takes only the processor time that nothing else wants."""
    started = time.monotonic()
    if not quiet:
        print(f"\n==> {stage.name}", flush=True)
    report = ARTEFACTS / stage.junit if stage.junit else None
    command = (*(POLITELY if politely else ()), *stage.command, *stage.paths)
    ended = execute(stage.name, command, report, quiet=quiet)
    succeeded, spent_s = ended.succeeded, ended.processor_s
    results = read_results(report)
    flaky: tuple[Case, ...] = ()
    again = () if stage.again is None or succeeded else stage.again(results.failed)
    if 0 < len(again) <= RERUN_AT_MOST and report is not None and rerun_wanted():
        report.replace(report.with_suffix(".first.xml"))
        print(f"\n==> {stage.name}: once more what failed", flush=True)
        command = (*stage.command, *again)
        ended = execute(stage.name, command, report, quiet=quiet)
        succeeded, spent_s = ended.succeeded, spent_s + ended.processor_s
        second = read_results(report)
        if second.passed + len(second.failed) < len(results.failed):
            succeeded = False  # It ran less than what failed.
        else:
            flaky = tuple(case for case in results.failed if case not in second.failed)
            results = Results(results.passed + len(flaky), second.failed, results.skipped)
    seconds = time.monotonic() - started
    if quiet:
        mark = "ok" if succeeded else "FAILED"
        print(f"\n==> {stage.name}: {mark} ({seconds:.0f} s)", flush=True)
        if not succeeded:
            print(ended.output, flush=True)
    passed, failed = results.passed, len(results.failed)
    if report is None:
        passed = int(succeeded)
    if not succeeded and not failed:
        failed = 1  # The stage itself: a crash, or no test at all.
    skipped = results.skipped
    return Outcome(stage, succeeded, seconds, spent_s, passed, failed, skipped, flaky)


def rerun_wanted() -> bool:
    """Whether what failed is to run once more. Not for developers: they are to see it fail."""
    return os.environ.get("RERUN_FAILED") == "1"


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its output, if it was quiet, and the processor time that it and
    all that it had started took."""

    succeeded: bool
    output: str
    processor_s: float


def execute(name: str, command: Sequence[str], report: Path | None, *, quiet: bool) -> Ended:
    """Run a command in its own process group, to its end or for so long as a stage may take."""
    if report is not None:
        report.unlink(missing_ok=True)
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
            start_new_session=True,
        )
        try:
            # It is not waited for: nothing would be left of it to read its times from.
            ended = os.pidfd_open(process.pid)
            if not select.select([ended], [], [], STAGE_LIMIT_S)[0]:
                print(f"    {name} took longer than {STAGE_LIMIT_S // 60} minutes; ended.")
                os.killpg(process.pid, signal.SIGKILL)
                select.select([ended], [], [])
            os.close(ended)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        spent_s = processor_s(process.pid)
        status = process.wait()
        output.seek(0)
        return Ended(status == 0, output.read(), spent_s)


def worked_s() -> float:
    """Return the processor time of the whole machine since it started, summed over its cores. A
    stage's own time lacks processes that no parent waited for: a browser's pages, which take more
    than half of the time of a browser stage, and PostgreSQL."""
    user, nice, system, _idle, _waiting, *interrupts = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]
    )
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def processor_s(pid: int) -> float:
    """Return the processor time of a process and of its children that have ended and were waited
    for."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11:15])) / os.sysconf("SC_CLK_TCK")


def run_all(stages: Sequence[Stage]) -> list[Outcome]:
    """Run stages one by one; checks, and stages with ``with_stage``, run at the same time."""
    checks = [stage for stage in stages if stage.beside]
    tests = [stage for stage in stages if not stage.beside]
    names = {stage.name for stage in tests}
    pool = ThreadPoolExecutor(max_workers=1 if tests else 2)
    others = ThreadPoolExecutor()
    try:
        beside = [pool.submit(run, stage, quiet=True, politely=bool(tests)) for stage in checks]
        outcomes = []
        for stage in tests:
            if stage.with_stage in names:
                continue
            together = [
                others.submit(run, replace(one, command=(*one.command, *one.fewer)), quiet=True)
                for one in tests
                if one.with_stage == stage.name
            ]
            outcomes.append(run(stage))
            outcomes.extend(one.result() for one in together)
        return [one.result() for one in beside] + outcomes
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl+C waits for one check, not for all.
        others.shutdown(cancel_futures=True)


@contextlib.contextmanager
def temporary_files() -> Iterator[None]:
    """Let everything that starts meanwhile put temporary files into memory, if there is enough and
    TMPDIR names no other place. A test's databases are hundreds of files that live for seconds: a
    disk's file system is slow in making them (make/README.md)."""
    if "TMPDIR" in os.environ or free_memory() < MEMORY_FREE:
        yield
        return
    own = str(os.getpid())
    for left in MEMORY.glob("copconnect-test-*-*"):
        pid = left.name.split("-")[2]
        # A run was killed; its number may be this one's now.
        if pid == own or not Path("/proc", pid).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"copconnect-test-{own}-", dir=MEMORY))
    folder.chmod(0o711)  # PostgreSQL runs as nobody where root starts it.
    os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        del os.environ["TMPDIR"]
        shutil.rmtree(folder, ignore_errors=True)


def free_memory() -> int:
    """Return how many bytes a file system in memory may take; 0 where there is none."""
    try:
        room = shutil.disk_usage(MEMORY).free
        facts = Path("/proc/meminfo").read_text()
    except OSError:
        return 0
    available = re.search(r"^MemAvailable: +(\d+) kB$", facts, re.MULTILINE)
    return min(room, int(available[1]) << 10) if available else 0


def main(arguments: Sequence[str]) -> int:
    """Run the group named by the only argument: all, lint, unit or browser."""
    groups = {stage.group for stage in STAGES}
    if len(arguments) != 1 or arguments[0] not in groups | {"all"}:
        print(f"usage: stages.py all|{'|'.join(sorted(groups))}", file=sys.stderr)
        return 2
    ARTEFACTS.mkdir(exist_ok=True)
    # Each process of a run compiles all of our modules if Python may keep no bytecode.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    started, worked_before_s = time.monotonic(), worked_s()
    chosen = [stage for stage in STAGES if arguments[0] in ("all", stage.group)]
    with temporary_files():
        outcomes = run_all(chosen)
    print("\n==> Summary")
    for outcome in outcomes:
        mark = "ok    " if outcome.succeeded else "FAILED"
        print(
            f"    {mark} {outcome.stage.name:<16} {outcome.seconds:6.0f} s"
            f"{outcome.processor_s:6.0f} s of processor"
            f"  {outcome.passed} passed, {outcome.failed} failed, {outcome.skipped} skipped"
        )
        for case in outcome.flaky:
            print(f"           flaky: {case}")
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    skipped = sum(outcome.skipped for outcome in outcomes)
    spent_s = worked_s() - worked_before_s
    print(
        f"    {time.monotonic() - started:.0f} s, in which the machine worked {spent_s:.0f} s of"
        f" processor; {CORES} idle cores would take {spent_s / CORES:.0f} s at least"
    )
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 0 if all(outcome.succeeded for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
