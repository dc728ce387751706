"""The machinery behind `make`: steps run when they must, and checks report what they find."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from make import stages, tracked_files

ROOT = Path(__file__).parents[2]


def _once(folder: Path, *inputs: str, say: str = "made") -> str:
    result = subprocess.run(
        [
            *(str(ROOT / "make" / "once"), "out/.done", "the thing (a moment)", *inputs, "--"),
            *("bash", "-c", f"mkdir -p out; echo {say}"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout


def test_a_step_runs_again_only_when_something_changed(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text("one")
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "a b.ts").write_text("a")
    inputs = ("lock.txt", "sources")
    first = _once(tmp_path, *inputs)
    assert "==> the thing (a moment)" in first
    assert "made" in first
    assert _once(tmp_path, *inputs) == ""
    (tmp_path / "lock.txt").touch()
    assert _once(tmp_path, *inputs) == ""
    changes: tuple[Callable[[], object], ...] = (
        lambda: (tmp_path / "lock.txt").write_text("two"),
        lambda: (tmp_path / "sources" / "new.ts").write_text("n"),
        (tmp_path / "sources" / "new.ts").unlink,
        (tmp_path / "out" / ".done").unlink,
    )
    for change in changes:
        change()
        assert "made" in _once(tmp_path, *inputs)
        assert _once(tmp_path, *inputs) == ""
    assert "other" in _once(tmp_path, *inputs, say="other")


def test_a_step_that_failed_runs_again(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text("one")
    for _ in range(2):
        result = subprocess.run(
            [ROOT / "make" / "once", "out/.done", "thing", "lock.txt", "--", "false"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 1
        assert "==> thing" in result.stdout
    assert not (tmp_path / "out" / ".done").exists()


def test_a_step_without_its_input_fails(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        _once(tmp_path, "missing.txt")


@pytest.mark.parametrize(
    "line",
    [
        '"resol' + 'ved": "https://' + "registry." + 'npmjs.org/x/-/x-1.tgz",',
        "curl https://" + "pypi." + "org/simple/x",
        "--index" + "-url https://example.org/simple",
        "pip install --find" + "-links /opt/wheels",
        "cd /ro" + "ot/copconnect",
        'open("/ho' + 'me/somebody/x")',
    ],
)
def test_what_must_not_be_tracked_is_found(line: str) -> None:
    found = list(tracked_files.findings("file", f"fine\n{line}\n"))
    assert found
    assert all(finding.startswith("file:2: ") for finding in found)


@pytest.mark.parametrize(
    "line",
    [
        '"resolved": "client",',
        '"url": "https://opencollective.com/eslint"',
        "export PATH=~/bin:$HOME/bin",
        "/srv/copconnect/data and /var/lib/copconnect and ../work/x",
        "https://example.org/home/page",
        "pip is a program; PyPI is a place",
    ],
)
def test_what_may_be_tracked_is_let_be(line: str) -> None:
    assert list(tracked_files.findings("file", line)) == []


def _stage(name: str, code: str, junit: str | None = None) -> stages.Stage:
    group = "unit" if junit else "lint"
    again = (lambda failed: [case.name for case in failed]) if junit else None
    command = (sys.executable, "-c", code)
    return stages.Stage(name, command, group, junit is None, junit, again=again)


REPORT = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"><failure/></testcase><testcase name="c"><error/></testcase>
<testcase name="d"><skipped/></testcase><testcase name="e"/></testsuite></testsuites>"""


def test_results_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stages, "ARTEFACTS", tmp_path)
    write = f"import pathlib; pathlib.Path({str(tmp_path / 'r.xml')!r}).write_text({REPORT!r})"
    monkeypatch.setattr(
        stages,
        "STAGES",
        (
            _stage("good", "pass"),
            _stage("bad", "print('the reason'); raise SystemExit(3)"),
            _stage("tests", f"{write}; raise SystemExit(1)", "r.xml"),
            _stage("crashed", "raise SystemExit(2)", "never-written.xml"),
        ),
    )
    assert stages.main(["all"]) == 1
    printed = capsys.readouterr().out
    assert "the reason" in printed
    assert printed.rstrip().splitlines()[-1] == "3 passed, 4 failed, 1 skipped"
    assert stages.main(["nonsense"]) == 2


SOMETIMES = """
import pathlib, pytest

def once(name):
    seen = pathlib.Path(f"{__file__}-{name}")
    if not seen.exists():
        seen.touch()
        raise AssertionError("the first time")

@pytest.mark.parametrize("n", range(FLAKY))
def test_sometimes(n):
    once(f"sometimes{n}")

def test_never():
    assert NEVER
"""
STEADY = """
import pathlib

def test_steady():
    pathlib.Path(__file__).with_name("steady").open("a").write("x")
"""


@pytest.mark.parametrize(
    ("workers", "flaky", "never", "files", "wanted", "status", "last"),
    [
        (2, 6, True, 1, "1", 0, "8 passed, 0 failed, 0 skipped"),
        (0, 2, True, 1, "", 1, "2 passed, 2 failed, 0 skipped"),
        (0, 2, False, 1, "1", 1, "3 passed, 1 failed, 0 skipped"),
        (0, 1, True, 6, "1", 1, "7 passed, 6 failed, 0 skipped"),
    ],
)
def test_what_failed_runs_once_more_where_that_is_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    workers: int,
    flaky: int,
    never: bool,
    files: int,
    wanted: str,
    status: int,
    last: str,
) -> None:
    code = SOMETIMES.replace("FLAKY", str(flaky)).replace("NEVER", str(never))
    for number in range(files):
        (tmp_path / f"test_it{number}.py").write_text(code)
    (tmp_path / "test_steady.py").write_text(STEADY)
    # All plugins take two seconds, in each of the runs and in each of their workers.
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p xdist.plugin")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(stages, "ARTEFACTS", tmp_path)
    monkeypatch.setattr(stages, "ROOT", tmp_path)
    shared_out = stages.shared_out(workers)
    stage = stages.pytest_stage("some tests", "unit", *shared_out, paths=(".",))
    monkeypatch.setattr(stages, "STAGES", (stage,))
    monkeypatch.setenv("RERUN_FAILED", wanted)
    assert stages.main(["unit"]) == status
    printed = capsys.readouterr().out
    assert printed.rstrip().splitlines()[-1] == last
    passed_later = flaky if wanted and files == 1 else 0
    named = re.findall(r"^ +flaky: (.*)$", printed, re.MULTILINE)
    assert named == [f"test_it0 test_sometimes[{n}]" for n in range(passed_later)]
    assert (tmp_path / "steady").read_text() == "x"  # A file that passed did not run again.


def test_a_module_of_python_tests_runs_once_more() -> None:
    failed = [
        stages.Case("tests.browser.test_screens", "test_talk[phone]"),
        stages.Case("tests.browser.test_screens.TestClass", "test_more"),
        stages.Case("src.copconnect.directory.test_rules", "test_one"),
    ]
    assert stages.modules_of(failed) == [
        "src/copconnect/directory/test_rules.py",
        "tests/browser/test_screens.py",
    ]


def test_a_file_of_the_client_runs_once_more() -> None:
    stage = stages.vitest_stage("client tests", "client")
    assert stage.again is not None
    failed = [stages.Case("test/a.test.ts", "one"), stages.Case("test/a.test.ts", "two")]
    assert stage.again(failed) == ["test/a.test.ts"]


def test_a_second_run_that_runs_nothing_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "ARTEFACTS", tmp_path)
    monkeypatch.setenv("RERUN_FAILED", "1")
    code = (
        "import pathlib, sys\n"
        f"if len(sys.argv) == 1: pathlib.Path({str(tmp_path / 'r.xml')!r}).write_text({REPORT!r})\n"
        "raise SystemExit(len(sys.argv) == 1)"
    )
    outcome = stages.run(_stage("tests", code, "r.xml"), quiet=True)
    assert (outcome.succeeded, outcome.passed, outcome.failed) == (False, 2, 2)


@pytest.mark.parametrize("tests", [True, False])
def test_checks_run_beside_tests_and_give_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tests: bool
) -> None:
    """Each waits until it sees that the other runs; a check is polite beside tests alone."""
    monkeypatch.setattr(stages, "ARTEFACTS", tmp_path)
    code = (
        "import os, pathlib, sys, time\n"
        "own, other = map(pathlib.Path, sys.argv[1:])\n"
        "own.write_text(str(os.nice(0)))\n"
        "while not other.exists(): time.sleep(0.01)"
    )
    names = [str(tmp_path / name) for name in ("one", "two")]
    chosen = []
    for own, other, beside in ((names[0], names[1], True), (names[1], names[0], not tests)):
        command = (sys.executable, "-c", code, own, other)
        chosen.append(stages.Stage(Path(own).name, command, "lint", beside))
    monkeypatch.setattr(stages, "STAGES", tuple(chosen))
    assert stages.main(["lint"]) == 0
    expected = ["19", str(os.nice(0))] if tests else [str(os.nice(0))] * 2
    assert [Path(name).read_text() for name in names] == expected


@pytest.mark.parametrize("alone", [True, False])
def test_a_stage_runs_together_with_another_where_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    """Each waits until it sees that the other runs."""
    monkeypatch.setattr(stages, "ARTEFACTS", tmp_path)
    code = (
        "import pathlib, sys, time\n"
        "own, other, *fewer = sys.argv[1:]\n"
        "pathlib.Path(own).write_text(' '.join(fewer))\n"
        "while not pathlib.Path(other).exists(): time.sleep(0.01)"
    )
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    first = stages.Stage(
        "first",
        (sys.executable, "-c", code, one, one if alone else two),
        "unit",
        with_stage="second",
        fewer=("--fewer",),
    )
    second = stages.Stage("second", (sys.executable, "-c", code, two, one), "browser")
    monkeypatch.setattr(stages, "STAGES", (first, second))
    assert stages.main(["unit" if alone else "all"]) == 0
    assert Path(one).read_text() == ("" if alone else "--fewer")
    assert Path(two).exists() != alone


def test_success_is_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "ARTEFACTS", tmp_path)
    monkeypatch.setattr(stages, "STAGES", (_stage("good", "pass"),))
    assert stages.main(["lint"]) == 0


def test_a_stage_that_hangs_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "ARTEFACTS", tmp_path)
    monkeypatch.setattr(stages, "STAGE_LIMIT_S", 0.3)
    code = "import subprocess; subprocess.run(['sleep', '60'])"
    outcome = stages.run(_stage("hangs", code), quiet=True)
    assert not outcome.succeeded
    assert outcome.seconds < 20


@pytest.mark.parametrize(
    ("given", "enough", "in_memory"),
    [("", 0, True), ("", 1 << 60, False), ("somewhere", 0, False)],
)
def test_temporary_files_lie_in_memory_where_there_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, enough: int, in_memory: bool
) -> None:
    memory, seen = tmp_path / "memory", tmp_path / "seen"
    left = {memory / f"copconnect-test-{pid}-a1" for pid in (99999999, os.getpid())}
    used = memory / f"copconnect-test-{os.getppid()}-a1"
    for folder in (*left, used):
        folder.mkdir(parents=True)
    elsewhere = str(tmp_path / given)
    monkeypatch.delenv("TMPDIR", raising=False)
    if given:
        monkeypatch.setenv("TMPDIR", elsewhere)
    monkeypatch.setattr(stages, "ARTEFACTS", tmp_path)
    monkeypatch.setattr(stages, "MEMORY", memory)
    monkeypatch.setattr(stages, "MEMORY_FREE", enough)
    code = (
        f"import os, pathlib; pathlib.Path({str(seen)!r}).write_text(os.environ.get('TMPDIR', ''))"
    )
    monkeypatch.setattr(stages, "STAGES", (_stage("looks", code),))
    assert stages.main(["lint"]) == 0
    own = re.escape(str(memory / f"copconnect-test-{os.getpid()}-"))
    expected = rf"{own}\w+" if in_memory else re.escape(elsewhere) if given else ""
    assert re.fullmatch(expected, seen.read_text())
    assert {*memory.iterdir()} == ({used} if in_memory else {used, *left})
    assert os.environ.get("TMPDIR", "") == (elsewhere if given else "")


def test_every_target_of_the_makefile_is_explained() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = set(" ".join(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)).split())
    targets = set(re.findall(r"^([a-z][\w-]*):(?!=)", text, re.MULTILINE))
    assert targets == phony
    for people_run in ("demo", "test", "verify", "format", "types", "unit", "browser", "lock"):
        assert re.search(rf"^{people_run}:.*## \S", text, re.MULTILINE), people_run
