"""ESLint's rules about client/ and web/ are failing checks: each, on a file that breaks it. Imports
between rooms are judged by client/test/sources.test.ts.

A small tree with the project's own eslint.config.js is linted once; every file in it names the
rule that must object to it, or None where nothing may.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPORTS = "no-restricted-imports"
GLOBALS = "no-restricted-globals"
SYNTAX = "no-restricted-syntax"

FILES: dict[str, tuple[str, str | None]] = {
    # Allowed.
    "client/src/wire.ts": ("export type Hello = { t: 'hello' };", None),
    "client/src/transport/http.ts": ("export const http = fetch;", None),
    "client/src/vault/store.ts": ("export const store = indexedDB;", None),
    "client/src/ids.ts": ("export type PersonId = string & { readonly kind: 'person' };", None),
    "web/src/connected.ts": (
        'import type { Core } from "../../client/src/core.ts";\n'
        'import { connect } from "@copconnect/client/host/connect";\n'
        'import type { Hello } from "@copconnect/client/wire";\n'
        "export const connected: [Core?, Hello?, number?] = [undefined, undefined, connect];",
        None,
    ),
    "web/src/parts/Part.svelte": ('<script lang="ts">\n  let n = $state(1);\n</script>\n{n}', None),
    "web/admin/src/page.ts": ('export { part } from "#parts/part.ts";', None),
    # Forbidden.
    "client/src/shown.ts": ('import "svelte";', IMPORTS),
    "client/src/keys/shown.ts": ('import "svelte/store";', IMPORTS),
    "client/src/page.ts": ("export const width = window.innerWidth;", GLOBALS),
    "client/src/element.ts": ("export const body = document.body;", GLOBALS),
    "client/src/hidden.ts": ("export const d = globalThis.document;", GLOBALS),
    "client/src/kept.ts": ("export const k = localStorage.getItem('k');", GLOBALS),
    "client/src/inbox/field.ts": ("export type A = { readonly personId: string };", SYNTAX),
    "client/src/inbox/optional.ts": ("export type A = { readonly ids?: string | null };", SYNTAX),
    "client/src/inbox/list.ts": ("export type A = { personIds: readonly string[] };", SYNTAX),
    "client/src/inbox/set.ts": ("export type A = { clientIds: Set<string> };", SYNTAX),
    "client/src/inbox/argument.ts": (
        "export const f = (device: string): string => device;",
        SYNTAX,
    ),
    "client/src/inbox/private.ts": (
        "export class A {\n  #messageId: string | null = null;\n  get id() {\n"
        "    return this.#messageId;\n  }\n}",
        SYNTAX,
    ),
    "web/src/screens/Plain.svelte": (
        '<script lang="ts">\n  let { unitId }: { unitId: string } = $props();\n</script>\n{unitId}',
        SYNTAX,
    ),
    "web/src/package.ts": ('export { other } from "@copconnect/client/host/other";', IMPORTS),
    "web/src/package-keys.ts": (
        'export { header } from "@copconnect/client/keys/message";',
        IMPORTS,
    ),
    "web/src/package-root.ts": ('export { empty } from "@copconnect/client/bytes";', IMPORTS),
    "web/src/library.ts": ('export { openDB } from "idb";', IMPORTS),
    "web/src/cipher.ts": ('export { sha256 } from "@noble/hashes/sha2.js";', IMPORTS),
    "web/src/asks.ts": ("export const asks = fetch('/v1/me');", GLOBALS),
    "web/src/asks-hidden.ts": ("export const asks = globalThis.fetch('/v1/me');", GLOBALS),
    "web/src/socket.ts": ("export const s = new WebSocket('/v1/socket');", GLOBALS),
    "web/src/random.ts": ("export const id = crypto.randomUUID();", GLOBALS),
    "web/src/database.ts": ("export const d = indexedDB.open('x');", GLOBALS),
    "web/src/screens/Bad.svelte": (
        '<script lang="ts">\n  const key = crypto.subtle;\n</script>\n{key}',
        GLOBALS,
    ),
    "web/src/screens/chats/list/climbing.ts": (
        'export { part } from "../../../parts/part.ts";',
        IMPORTS,
    ),
    "client/src/keys/roster/far/climbing.ts": (
        'export { header } from "../../../keys/message.ts";',
        IMPORTS,
    ),
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The rules that objected, by file."""
    tree = tmp_path_factory.mktemp("layers")
    for name in ("eslint.config.js", "package.json", "web/package.json"):
        (tree / name).parent.mkdir(exist_ok=True)
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
