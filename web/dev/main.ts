/**
 * A page for looking at the screens, also in states that are hard to reach. It runs the real core, and one for
 * each colleague, over the tests' server in memory (client/test/memory). No build has it. The address asks for a scene: `?phase=register` (any number, the code is 000000),
 * `?chats=empty`, `?messages=500`, `?colleagues=9`, `?connection=offline`, `?lively` (a colleague writes
 * every four seconds). The console needs `make demo`.
 */
import { createCore, type LocalCore } from "../../client/src/create.ts";
import { numberOf } from "../../client/test/support/people.ts";
import { MemoryServer } from "../../client/test/memory/server.ts";
import { newId } from "@copconnect/client/core";
import { askNoServer } from "#app/server-config.ts";
import { start } from "#app/start.ts";

const LIVELY_MS = 4000;
const VAULT = "dev-";

const scene = new URLSearchParams(location.search);
const asked = (name: string, otherwise: number): number => Number(scene.get(name) ?? otherwise);

const server = await MemoryServer.start();
const cores: LocalCore[] = [];

function open(): LocalCore {
  const { origin, fetch, WebSocket } = server;
  const vaultName = VAULT + newId();
  const core = createCore({ origin, fetch, WebSocket, vaultName, indexes: true });
  cores.push(core);
  return core;
}

/** Register the person with this number in the data bank. */
async function register(core: LocalCore, index: number): Promise<void> {
  await core.app.start();
  const { challengeId } = await core.registration.requestCode(numberOf(index), "en");
  const { ticket } = await core.registration.submitCode(challengeId, await server.codeFor());
  await core.app.register(ticket, "In memory");
  await core.app.acceptConduct((await core.conduct.code("en")).version, "en");
}

/** A direct chat with each colleague, and a group of all, in which they speak by turns. */
async function fill(me: LocalCore): Promise<void> {
  const colleagues = Array.from({ length: asked("colleagues", 3) }, open);
  for (const [index, colleague] of colleagues.entries()) await register(colleague, index + 1);
  const states = await Promise.all(colleagues.map(({ app }) => app.state()));
  const personIds = states.map((state) => state.me?.personId).filter((one) => one !== undefined);
  const { conversationId } = await me.conversations.createGroup({
    ...{ title: "Bonalu bandobast", personIds, photo: null },
    ...{ whoMaySend: "everyone", history: "none" },
  });
  const say = (core: LocalCore, text: string) =>
    core.messages.send(conversationId, { kind: "text", text, mentions: [] }, null);
  for (let sent = 0; sent < asked("messages", 12); sent++)
    await say(cores[sent % cores.length] ?? me, `Message ${String(sent + 1)}`).catch(
      // A colleague who has not joined yet.
      () => say(me, `Message ${String(sent + 1)}`),
    );
  for (const personId of personIds) {
    const direct = await me.conversations.openDirect(personId);
    const reached = { kind: "text", text: "Reached, sir.", mentions: [] } as const;
    await me.messages.send(direct.conversationId, reached, null);
  }
  const [colleague] = colleagues;
  if (scene.has("lively") && colleague !== undefined)
    setInterval(() => void say(colleague, new Date().toLocaleTimeString()), LIVELY_MS);
}

askNoServer("members", true);
// A former visit left these databases.
for (const { name = "" } of await indexedDB.databases())
  if (name.startsWith(VAULT)) indexedDB.deleteDatabase(name);
const me = open();
if (scene.get("phase") !== "register") {
  await register(me, 0);
  if (scene.get("chats") !== "empty") await fill(me);
}
if (scene.get("connection") === "offline") await server.kill();
const target = document.getElementById("app");
if (target !== null) await start(me, target);
