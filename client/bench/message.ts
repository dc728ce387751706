/**
 * The client's part of `make bench-message`: how long a message takes from one real core to
 * another over loopback, encryption and both vaults included, beside a bare WebSocket echo of the
 * same number of bytes in the same run. The last line is JSON.
 *
 * COPCONNECT_URL: a server with the demo's outbox on this machine; COPCONNECT_NUMBERS: people of its data bank.
 */
import "fake-indexeddb/auto";
import type { ConversationId, PersonId } from "#core/ids.ts";
import { Worker } from "node:worker_threads";
import { WebSocket } from "ws";
import type { MessageItem } from "#core/core.ts";
import { createCore, type LocalCore } from "#core/create.ts";
import { enrol } from "#core/officers/enrol.ts";
import type { Fetch } from "#core/transport/http.ts";
import type { WebSocketMaker } from "#core/transport/socket.ts";

const MESSAGES = Number(process.env["COPCONNECT_MESSAGES"] ?? "400");
const WARM_UP = MESSAGES / 8;
const TEXT = "Vehicle check at the junction from 18:00. Two constables needed, bring jackets.";
const origin = process.env["COPCONNECT_URL"] ?? "http://localhost:8080";
const numbers = (process.env["COPCONNECT_NUMBERS"] ?? "").split(",").filter((one) => one !== "");

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

let cores = 0;

async function device(number: string): Promise<LocalCore> {
  const core = createCore({
    origin,
    fetch: weighingFetch,
    vaultName: `bench-${String(cores++)}`,
    WebSocket: WeighingSocket as unknown as WebSocketMaker,
  });
  await enrol(core, origin, number, "Bench");
  return core;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function ready(core: LocalCore, conversationId: ConversationId): Promise<void> {
  await until(async () => {
    const all = await core.conversations.list();
    return all.some((item) => item.conversationId === conversationId && item.state === "ready");
  });
}

function personOf(core: LocalCore): Promise<PersonId> {
  return core.app.state().then(({ me }) => (me?.personId ?? "") as PersonId);
}

/** Bytes of the latest message up and down; the floor moves the same number. */
const weight = { up: 0, down: 0 };

const weighingFetch: Fetch = (url, init) => {
  if (init.method === "POST" && url.endsWith("/messages")) {
    weight.up = (init.body as Uint8Array).byteLength;
  }
  return fetch(url, init);
};

class WeighingSocket extends WebSocket {
  constructor(url: string) {
    super(url);
    this.on("message", (data: ArrayBuffer) => {
      // An entry frame is larger than the request that made it; receipts are far smaller.
      if (data.byteLength > weight.up) weight.down = data.byteLength;
    });
  }
}

/** The floor: a bare WebSocket there and back, in another thread, with a message's bytes. */
async function echoTimes(): Promise<readonly number[]> {
  const thread = new Worker(new URL("./echo.mjs", import.meta.url), {
    workerData: { answerBytes: weight.down },
  });
  const port = await new Promise<number>((resolve) => thread.once("message", resolve));
  const socket = new WebSocket(`ws://127.0.0.1:${String(port)}`);
  await new Promise((resolve) => socket.once("open", resolve));
  const bytes = Buffer.alloc(weight.up, 7);
  const times: number[] = [];
  for (let i = 0; i < WARM_UP + MESSAGES; i++) {
    const began = performance.now();
    const back = new Promise((resolve) => socket.once("message", resolve));
    socket.send(bytes);
    await back;
    if (i >= WARM_UP) times.push(performance.now() - began);
  }
  socket.close();
  await thread.terminate();
  return times;
}

/** From `send` here to the event that shows the message there. */
async function messageTimes(
  sender: LocalCore,
  receiver: LocalCore,
  conversationId: ConversationId,
): Promise<readonly number[]> {
  const arrived = new Map<string, () => void>();
  const unsubscribe = receiver.subscribe((event) => {
    if (event.type !== "messages") return;
    for (const item of event.items) arrived.get(textOf(item))?.();
  });
  const times: number[] = [];
  for (let i = 0; i < WARM_UP + MESSAGES; i++) {
    const text = `${TEXT} ${String(i)}`;
    const there = new Promise<void>((resolve) => arrived.set(text, resolve));
    const began = performance.now();
    await sender.messages.send(conversationId, { kind: "text", text, mentions: [] }, null);
    await there;
    if (i >= WARM_UP) times.push(performance.now() - began);
    arrived.delete(text);
  }
  unsubscribe();
  return times;
}

function textOf(item: MessageItem): string {
  return item.body.kind === "text" ? item.body.text : "";
}

async function counter(name: string): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  return text
    .split("\n")
    .filter((line) => line.startsWith(name) && !line.startsWith("#"))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** Statements of the server for one message: what it runs while nothing else happens. */
async function statementsPerMessage(
  sender: LocalCore,
  conversationId: ConversationId,
): Promise<number> {
  const count = Math.min(MESSAGES, 200);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const statements = await counter("copconnect_database_statements_total");
  const entries = await counter("copconnect_entries_total");
  for (let i = 0; i < count; i++) {
    await sender.messages.send(conversationId, { kind: "text", text: TEXT, mentions: [] }, null);
  }
  await until(async () => (await sender.app.state()).outbox === 0);
  const written = (await counter("copconnect_entries_total")) - entries;
  return ((await counter("copconnect_database_statements_total")) - statements) / written;
}

async function main(): Promise<void> {
  const [first, second] = numbers;
  if (first === undefined || second === undefined) throw new Error("set COPCONNECT_NUMBERS");
  const [a, b] = [await device(first), await device(second)];
  const { conversationId } = await a.conversations.openDirect(await personOf(b));
  await Promise.all([ready(a, conversationId), ready(b, conversationId)]);

  const times = await messageTimes(a, b, conversationId);
  const floor = await echoTimes();
  const statements = await statementsPerMessage(a, conversationId);
  say(`latency: ${String(times.length)} messages of ${String(weight.up)} bytes up`);
  await Promise.all([a, b].map((core) => core.close()));

  const [p50, floorP50] = [quantile(times, 0.5), quantile(floor, 0.5)];
  say(
    JSON.stringify({
      p50_ms: round(p50),
      p99_ms: round(quantile(times, 0.99)),
      floor_p50_ms: round(floorP50),
      ratio_p50: round(p50 / floorP50),
      statements_per_message: round(statements),
    }),
  );
}

await main();
process.exit(0);
