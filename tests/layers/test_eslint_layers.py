"""The layers of client/ and web/ are failing checks: each rule, on a file that breaks it.

A small tree with the project's own eslint.config.js is linted once; every file in it names the
rule that must object to it, or None where nothing may.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = "boundaries/dependencies"
IMPORTS = "no-restricted-imports"
GLOBALS = "no-restricted-globals"

FILES: dict[str, tuple[str, str | None]] = {
    # What other files import.
    "client/src/core.ts": ("export type Core = { start(): void };", None),
    "client/src/wire.ts": ("export type Hello = { t: 'hello' };", None),
    "client/src/bytes.ts": ("export const empty = new Uint8Array();", None),
    "client/src/octets.ts": ("export const none = new Uint8Array();", None),
    "client/src/cells/format.ts": ("export const header = 263;", None),
    "client/src/hpke/suite.ts": ("export const kem = 32;", None),
    "client/src/host/connect.ts": ("export const connect = 1;", None),
    "client/src/host/other.ts": ("export const other = 1;", None),
    "client/src/mls/types.ts": ("export const mls = 1;", None),
    "client/src/transport/http.ts": ("export const http = fetch;", None),
    "client/src/vault/store.ts": ("export const store = indexedDB;", None),
    # Allowed.
    "client/src/engine.ts": (
        'import { mls } from "./mls/types.ts";\nimport { http } from "./transport/http.ts";\n'
        'import { store } from "./vault/store.ts";\nexport const engine = [mls, http, store];',
        None,
    ),
    "client/src/mls/group.ts": (
        'import { decode } from "ts-mls";\nimport { empty } from "../bytes.ts";\n'
        "export const group = decode(empty);",
        None,
    ),
    "client/src/cells/open.ts": (
        'import { none } from "../octets.ts";\nimport { header } from "./format.ts";\n'
        'import { kem } from "../hpke/suite.ts";\nexport const open = [none, header, kem];',
        None,
    ),
    "client/src/sends.ts": ('export { header } from "./cells/format.ts";', None),
    "client/src/mls/provider.ts": ('export { kem } from "../hpke/suite.ts";', None),
    "client/src/mls/sub/same.ts": ('export { mls } from "../types.ts";', None),
    "web/src/connected.ts": (
        'import type { Core } from "../../client/src/core.ts";\n'
        'import { connect } from "@copconnect/client/host/connect";\n'
        'import type { Hello } from "@copconnect/client/wire";\n'
        'export { connect as relative } from "../../client/src/host/connect.ts";\n'
        "export const connected: [Core?, Hello?, number?] = [undefined, undefined, connect];",
        None,
    ),
    "web/src/parts/Part.svelte": ('<script lang="ts">\n  let n = $state(1);\n</script>\n{n}', None),
    "web/src/parts/uses.ts": ('export { connected } from "../connected.ts";', None),
    # Forbidden.
    "client/src/mls/to-transport.ts": ('export { http } from "../transport/http.ts";', LAYERS),
    "client/src/mls/to-vault.ts": ('export type { store } from "../vault/store.ts";', LAYERS),
    "client/src/transport/to-mls.ts": ('import "../mls/types.ts";', LAYERS),
    "client/src/transport/to-vault.ts": ('export * from "../vault/store.ts";', LAYERS),
    "client/src/vault/to-mls.ts": ('export const m = import("../mls/types.ts");', LAYERS),
    "client/src/vault/to-transport.ts": ('import "../transport/http.ts";', LAYERS),
    "client/src/cells/to-mls.ts": ('export { mls } from "../mls/types.ts";', LAYERS),
    "client/src/cells/to-core.ts": ('export type { Core } from "../core.ts";', LAYERS),
    "client/src/cells/to-other.ts": ('export { empty } from "../bytes.ts";', LAYERS),
    "client/src/hpke/to-cells.ts": ('export { header } from "../cells/format.ts";', LAYERS),
    "client/src/hpke/to-core.ts": ('export type { Core } from "../core.ts";', LAYERS),
    "client/src/vault/to-hpke.ts": ('export { kem } from "../hpke/suite.ts";', LAYERS),
    "client/src/mls/to-cells.ts": ('export { header } from "../cells/format.ts";', LAYERS),
    "client/src/to-web.ts": ('export { connected } from "../../web/src/connected.ts";', LAYERS),
    "client/src/group.ts": ('export { decode } from "ts-mls";', IMPORTS),
    "client/src/group-part.ts": ('export { x } from "ts-mls/deep/file.js";', IMPORTS),
    "client/src/transport/group.ts": (
        'import type { x } from "ts-mls"; export type y = x;',
        IMPORTS,
    ),
    "client/src/shown.ts": ('import "svelte";', IMPORTS),
    "client/src/mls/shown.ts": ('import "svelte/store";', IMPORTS),
    "client/src/page.ts": ("export const width = window.innerWidth;", GLOBALS),
    "client/src/element.ts": ("export const body = document.body;", GLOBALS),
    "client/src/hidden.ts": ("export const d = globalThis.document;", GLOBALS),
    "client/src/kept.ts": ("export const k = localStorage.getItem('k');", GLOBALS),
    "web/src/deep.ts": ('export { other } from "../../client/src/host/other.ts";', LAYERS),
    "web/src/deep-mls.ts": ('export { mls } from "../../client/src/mls/types.ts";', LAYERS),
    "web/src/package.ts": ('export { other } from "@copconnect/client/host/other";', IMPORTS),
    "web/src/package-mls.ts": ('export { mls } from "@copconnect/client/mls/types";', IMPORTS),
    "web/src/package-root.ts": ('export { empty } from "@copconnect/client/bytes";', IMPORTS),
    "web/src/library.ts": ('export { decode } from "ts-mls";', IMPORTS),
    "web/src/cipher.ts": ('export { gcm } from "@noble/ciphers/aes.js";', IMPORTS),
    "web/src/asks.ts": ("export const asks = fetch('/v1/me');", GLOBALS),
    "web/src/asks-hidden.ts": ("export const asks = globalThis.fetch('/v1/me');", GLOBALS),
    "web/src/socket.ts": ("export const s = new WebSocket('/v1/socket');", GLOBALS),
    "web/src/random.ts": ("export const id = crypto.randomUUID();", GLOBALS),
    "web/src/database.ts": ("export const d = indexedDB.open('x');", GLOBALS),
    "web/src/screens/Bad.svelte": (
        '<script lang="ts">\n  const key = crypto.subtle;\n</script>\n{key}',
        GLOBALS,
    ),
    "web/src/screens/Deep.svelte": (
        '<script lang="ts">\n  import { mls } from "../../../client/src/mls/types.ts";\n'
        "</script>\n{mls}",
        LAYERS,
    ),
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The rules that objected, by file."""
    tree = tmp_path_factory.mktemp("layers")
    for name in ("eslint.config.js", "package.json"):
        shutil.copyfile(ROOT / name, tree / name)
    (tree / "node_modules").symlink_to(ROOT / "node_modules")
    for path, (code, _) in FILES.items():
        file = tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code + "\n")
    result = subprocess.run(
        ["node", "node_modules/eslint/bin/eslint.js", "--format", "json", "client", "web"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode in (0, 1), result.stderr
    return {
        str(Path(report["filePath"]).relative_to(tree)): {
            str(message["ruleId"]) for message in report["messages"]
        }
        for report in json.loads(result.stdout)
    }


@pytest.mark.parametrize("path", FILES)
def test_each_file_is_judged(findings: dict[str, set[str]], path: str) -> None:
    if path == "client/src/wire.ts":
        assert path not in findings  # Generated, and therefore not linted.
        return
    rule = FILES[path][1]
    assert findings[path] == (set() if rule is None else {rule})
