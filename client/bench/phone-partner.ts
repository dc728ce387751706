/**
 * The other end of `make bench-phone`: the real core under Node, told what to do by lines of JSON.
 * Times are ms since 1970, as the phone's page gives them.
 *
 * Run: npx tsx client/bench/phone-partner.ts <origin>
 * In: {command: "enrol", number}, {command: "send", text}, {command: "arrived", text}.
 */
import "fake-indexeddb/auto";
import type { ConversationId } from "#core/ids.ts";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import { createCore } from "#core/create.ts";
import { enrol } from "#core/officers/enrol.ts";
import type { WebSocketMaker } from "#core/transport/socket.ts";

interface Command {
  readonly command: "enrol" | "send" | "arrived";
  readonly number?: string;
  readonly text?: string;
}

const LIMIT_MS = 60_000;
const origin = process.argv[2] ?? "http://localhost:8080";
const core = createCore({ origin, WebSocket: WebSocket as unknown as WebSocketMaker });
const arrived = new Map<string, number>();
/** The conversation of the message that came last. */
let conversationId = "" as ConversationId;
let onArrival = (): void => undefined;

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

core.subscribe((event) => {
  if (event.type !== "messages") return;
  for (const { mine, body, conversationId: id } of event.items) {
    if (mine || body.kind !== "text") continue;
    if (!arrived.has(body.text)) arrived.set(body.text, nowMs());
    conversationId = id;
  }
  onArrival();
});

async function arrival(text: string): Promise<number> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const at = arrived.get(text);
    if (at !== undefined) return at;
    if (Date.now() > deadline) throw new Error(`"${text}" has not arrived`);
    await new Promise<void>((resolve) => {
      onArrival = resolve;
      setTimeout(resolve, 100);
    });
  }
}

async function perform({ command, number = "", text = "" }: Command): Promise<object> {
  if (command === "enrol") {
    await enrol(core, origin, number, "Bench");
    return {};
  }
  if (command === "arrived") return { atMs: await arrival(text) };
  const atMs = nowMs();
  await core.messages.send(conversationId, { kind: "text", text, mentions: [] }, null);
  return { atMs };
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await perform(JSON.parse(line) as Command).catch((error: unknown) => ({
    error: String(error),
  }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
