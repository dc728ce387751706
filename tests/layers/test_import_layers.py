"""The layers of the server are failing checks: each contract, on a copy that breaks it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Imports that break a contract: the file that gets one, the import, the contract's name.
VIOLATIONS = [
    ("errors/base.py", "copconnect.http.requests", "composition root, administration"),
    ("database/engine.py", "copconnect.app", "composition root, administration"),
    ("app.py", "bench.figures", "the demo and the guard's training are outside"),
    ("app.py", "demo.outbox", "the demo and the guard's training are outside"),
    ("directory/service.py", "copconnect.conduct.service", "composition root, administration"),
    ("delivery/service.py", "copconnect.attachments.service", "composition root, administration"),
    ("directory/editing.py", "copconnect.admin.rights", "composition root, administration"),
    ("admin/rules.py", "copconnect.clock", "rules are pure"),
    ("admin/rights.py", "copconnect.admin.acts.acting", "rooms of administration"),
    ("audit/signatures.py", "copconnect.database.engine", "rules are pure"),
    ("directory/store.py", "copconnect.directory.service", "inside a role"),
    ("auth_service/rules.py", "copconnect.auth_service.store", "inside a role"),
    ("delivery/rules/messages.py", "copconnect.database.engine", "rules are pure"),
    ("delivery/store/log.py", "copconnect.delivery.log.intake", "rooms of the Delivery Service"),
    ("delivery/keys/shares.py", "copconnect.delivery.live.feed", "rooms of the Delivery Service"),
    ("attachments/rules.py", "copconnect.clock", "rules are pure"),
    ("records/conversation/roster.py", "copconnect.clock", "records are pure"),
    ("records/primitives/kem.py", "copconnect.records.trust.grant", "rooms of records"),
    ("sockets/feed.py", "copconnect.sockets.dispatch.fanout", "rooms of live connections"),
    (
        "auth_service/store.py",
        "copconnect.auth_service.registration.sliding_window",
        "rooms of the Authentication Service",
    ),
    ("sealing/keys.py", "copconnect.settings", "sealing is a device's side"),
    ("delivery/service.py", "copconnect.sealing.keys", "composition root, administration"),
    ("delivery/service.py", "copconnect.bot.bot", "composition root, administration"),
    ("delivery/service.py", "copconnect.core_program", "composition root, administration"),
    ("bot/core.py", "copconnect.settings", "a bot's device is the app's core"),
    ("bot/state.py", "copconnect.bot.core", "rooms of the bot"),
]


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The linter's words about each broken contract, by its name, where every wrong import is made
    at once."""
    copy = tmp_path_factory.mktemp("layers")
    shutil.copyfile(ROOT / "pyproject.toml", copy / "pyproject.toml")
    shutil.copytree(
        ROOT / "src" / "copconnect",
        copy / "src" / "copconnect",
        ignore=shutil.ignore_patterns("__pycache__", "web_app", "test_*"),
    )
    for package in ("bench", "demo", "guard"):
        shutil.copytree(ROOT / package, copy / package)
    for file, imported, _ in VIOLATIONS:
        with (copy / "src" / "copconnect" / file).open("a", encoding="utf-8") as target:
            target.write(f"\n\nimport {imported}  # wrong\n")
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=copy,
        env=os.environ
        | {"PYTHONPATH": f"{copy / 'src'}:{copy}", "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    output = result.stdout + result.stderr
    assert result.returncode == 1, output
    _, found, details = output.partition("Broken contracts")
    assert found, output
    # A name, underlined, before what is said of it.
    _, *parts = re.split(r"^(.+)\n-+$", details, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_nothing_is_exempt() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    contracts = settings["contracts"]
    assert len(contracts) >= 3
    for contract in contracts:
        assert not {"ignore_imports", "exhaustive_ignores"} & contract.keys(), contract["name"]


@pytest.mark.parametrize(("file", "imported", "contract"), VIOLATIONS)
def test_each_contract_notices_a_wrong_import(
    broken: dict[str, str], file: str, imported: str, contract: str
) -> None:
    importer = ".".join(("copconnect", *Path(file).with_suffix("").parts))
    (said,) = [said for name, said in broken.items() if contract in name]
    assert re.search(rf"{re.escape(importer)} -> {re.escape(imported)} \(l\.", said), said
