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
SYNTAX = "no-restricted-syntax"

FILES: dict[str, tuple[str, str | None]] = {
    # Files that other files import.
    "client/src/core.ts": ("export type Core = { start(): void };", None),
    "client/src/wire.ts": ("export type Hello = { t: 'hello' };", None),
    "client/src/bytes.ts": ("export const empty = new Uint8Array();", None),
    "client/src/octets.ts": ("export const none = new Uint8Array();", None),
    "client/src/hpke/suite.ts": ("export const kem = 32;", None),
    "client/src/host/connect.ts": ("export const connect = 1;", None),
    "client/src/host/other.ts": ("export const other = 1;", None),
    "client/src/keys/message.ts": ("export const header = 290;", None),
    "client/src/inbox/inbox.ts": ("export const inbox = 1;", None),
    "client/src/outbox/outbox.ts": ("export const outbox = 1;", None),
    "client/src/sync/sync.ts": ("export const sync = 1;", None),
    "client/src/transport/http.ts": ("export const http = fetch;", None),
    "client/src/keys/trust/confirmed.ts": ("export const confirmed = 1;", None),
    "client/src/trust/people-trust.ts": ("export const people = 1;", None),
    "client/src/vault/store.ts": ("export const store = indexedDB;", None),
    # Allowed.
    "client/src/calls/session.ts": (
        'import { inbox } from "../inbox/inbox.ts";\n'
        'import { http } from "../transport/http.ts";\n'
        'import { store } from "../vault/store.ts";\nexport const session = [inbox, http, store];',
        None,
    ),
    "client/src/keys/open.ts": (
        'import { none } from "../octets.ts";\nimport { header } from "./message.ts";\n'
        'import { kem } from "../hpke/suite.ts";\n'
        'import { confirmed } from "./trust/confirmed.ts";\n'
        "export const open = [none, header, kem, confirmed];",
        None,
    ),
    "client/src/inbox/judge.ts": ('export { header } from "../keys/message.ts";', None),
    "client/src/ids.ts": ("export type PersonId = string & { readonly kind: 'person' };", None),
    "client/src/keys/to-ids.ts": ('export type { PersonId } from "../ids.ts";', None),
    "client/src/create.ts": ('export { session } from "./calls/session.ts";', None),
    "web/src/connected.ts": (
        'import type { Core } from "../../client/src/core.ts";\n'
        'import { connect } from "@copconnect/client/host/connect";\n'
        'import type { Hello } from "@copconnect/client/wire";\n'
        'export { connect as relative } from "../../client/src/host/connect.ts";\n'
        "export const connected: [Core?, Hello?, number?] = [undefined, undefined, connect];",
        None,
    ),
    "web/src/parts/Part.svelte": ('<script lang="ts">\n  let n = $state(1);\n</script>\n{n}', None),
    "web/src/parts/part.ts": ("export const part = 1;", None),
    "web/admin/src/page.ts": ('export { part } from "#parts/part.ts";', None),
    "web/src/parts/uses.ts": ('export { connected } from "../connected.ts";', None),
    # Forbidden.
    "client/src/keys/to-transport.ts": ('export { http } from "../transport/http.ts";', LAYERS),
    "client/src/keys/to-vault.ts": ('export type { store } from "../vault/store.ts";', LAYERS),
    "client/src/keys/to-core.ts": ('export type { Core } from "../core.ts";', LAYERS),
    "client/src/keys/to-other.ts": ('export { empty } from "../bytes.ts";', LAYERS),
    "client/src/keys/to-store.ts": ('export { people } from "../trust/people-trust.ts";', LAYERS),
    "client/src/transport/to-keys.ts": ('import "../keys/message.ts";', LAYERS),
    "client/src/transport/to-vault.ts": ('export * from "../vault/store.ts";', LAYERS),
    "client/src/vault/to-keys.ts": ('export const m = import("../keys/message.ts");', LAYERS),
    "client/src/vault/to-transport.ts": ('import "../transport/http.ts";', LAYERS),
    "client/src/vault/to-hpke.ts": ('export { kem } from "../hpke/suite.ts";', LAYERS),
    "client/src/hpke/to-keys.ts": ('export { header } from "../keys/message.ts";', LAYERS),
    "client/src/hpke/to-core.ts": ('export type { Core } from "../core.ts";', LAYERS),
    "client/src/inbox/to-outbox.ts": ('export { outbox } from "../outbox/outbox.ts";', LAYERS),
    "client/src/outbox/to-inbox.ts": ('export { inbox } from "../inbox/inbox.ts";', LAYERS),
    "client/src/outbox/to-sync.ts": ('export { sync } from "../sync/sync.ts";', LAYERS),
    "client/src/sync/to-calls.ts": ('export { session } from "../calls/session.ts";', LAYERS),
    "client/src/to-web.ts": ('export { connected } from "../../web/src/connected.ts";', LAYERS),
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
    "web/src/deep.ts": ('export { other } from "../../client/src/host/other.ts";', LAYERS),
    "web/src/deep-keys.ts": ('export { header } from "../../client/src/keys/message.ts";', LAYERS),
    "web/src/parts/to-console.ts": ('export { part } from "#console/page.ts";', LAYERS),
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
    "web/src/Deep.svelte": (
        '<script lang="ts">\n  import { header } from "../../client/src/keys/message.ts";\n'
        "</script>\n{header}",
        LAYERS,
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
    for name in ("eslint.config.js", "package.json", "web/package.json", "make/resolver.cjs"):
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
