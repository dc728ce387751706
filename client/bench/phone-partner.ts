/**
 * The other end of `make bench-phone` and `make bench-everyday`: the real core under Node, told what to do
 * by lines of JSON. Times are ms since 1970, as the phone's page gives them.
 *
 * Run: npx tsx client/bench/phone-partner.ts <origin>
 * In: {command: "enrol", number}, {command: "send", text}, {command: "arrived", text},
 * {command: "fill", name, chats, messages, first}: send so many messages in so many new groups with
 * this person, named from `Group <first>` on; answered with the last text of each and some words.
 */
import "fake-indexeddb/auto";
import type { ConversationId } from "#core/ids.ts";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import { generatedText, oneOf, random } from "./generated-texts.ts";
import { createCore } from "#core/create.ts";
import { enrol } from "#core/officers/enrol.ts";
import type { WebSocketMaker } from "#core/transport/socket.ts";

interface Command {
  readonly command: "enrol" | "send" | "arrived" | "fill";
  readonly number?: string;
  readonly text?: string;
  readonly name?: string;
  readonly chats?: number;
  readonly messages?: number;
  readonly first?: number;
}

const LIMIT_MS = 60_000;
const SIDE_BY_SIDE = 16;
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

async function filled({ name = "", chats = 1, messages = 1, first = 1 }: Command): Promise<object> {
  const { people } = await core.people.search({ text: name });
  const personIds = people.filter((one) => one.names.en === name).map((one) => one.personId);
  const groups: ConversationId[] = [];
  for (let count = 0; count < chats; count++) {
    const { conversationId: id } = await core.conversations.createGroup({
      ...{ title: `Group ${String(first + count)}`, personIds, photo: null },
      ...{ whoMayPost: "everyone", history: "30_days" },
    });
    groups.push(id);
  }
  const [lasts, words] = [groups.map(() => ""), [] as string[]];
  const each = Math.ceil(messages / chats);
  let next = 0;
  // Groups side by side, the messages of each in their order.
  const worker = async (): Promise<void> => {
    while (next < groups.length) {
      const index = next++;
      const group = groups[index];
      if (group === undefined) return;
      for (let count = 0; count < each; count++) {
        const said = generatedText();
        const long = said.split(/\s+/u).filter((word) => /^\p{L}{4,12}$/u.test(word));
        if (long.length > 0 && (words.length === 0 || random() < 0.01)) words.push(oneOf(long));
        await core.messages.send(group, { kind: "text", text: said, mentions: [] }, null);
        lasts[index] = said;
      }
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  return { lasts, words };
}

async function perform(given: Command): Promise<object> {
  const { command, number = "", text = "" } = given;
  if (command === "fill") return filled(given);
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
