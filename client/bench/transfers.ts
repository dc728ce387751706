/**
 * Whole clients for `copconnect bench membership`, of one conversation that people leave for another:
 * some that stay, some that are moved and watched all the way, and some more who are moved, a few at
 * a time: each starts, enters its new cell by itself, and is let go of.
 *
 * Run: npx tsx client/bench/transfers.ts <plan.msgpack> <origin>…
 * Lines of JSON in: a Command; out: its answer, and what full-client.ts tells by itself. "talk",
 * "duty" and "pass" have no answer; who is not watched starts at "pass", and "move" is answered when
 * all are in, or PASS_LIMIT_MS after that at the latest for those. Times are ms since 1970.
 */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { decode } from "@msgpack/msgpack";
import { FullClient, pause, say } from "./full-client.ts";
import type { Plan, PlannedClient } from "./full-client.ts";

/** Whole clients that start at a time: one joins, the other gets ready. */
const AT_ONCE = 2;
const ENTER_LIMIT_MS = 400_000;
/** From "pass" on: who is not in by then has not entered. */
const PASS_LIMIT_MS = 900_000;

interface TransferPlan extends Plan {
  /** Where the moved go. */
  readonly to: string;
  /** The moved that start when they are. `clients` are there before. */
  readonly passing: readonly PlannedClient[];
}

type Command =
  | { readonly command: "start" | "seeds" | "downloads" | "hush" | "close" }
  | { readonly command: "talk"; readonly everyMs: number }
  | { readonly command: "send"; readonly text: string }
  | { readonly command: "duty"; readonly client: number; readonly cellId: string }
  | { readonly command: "texts"; readonly conversationId: string }
  | { readonly command: "show"; readonly conversationId: string; readonly text: string }
  | { readonly command: "move" | "pass" };

async function aFewAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

class Transfers {
  readonly #plan: TransferPlan;
  readonly #origins: readonly string[];
  readonly #clients: readonly FullClient[];
  #talking: Promise<void> | null = null;
  readonly #said: string[] = [];
  #hushed = false;
  #pass: () => void = () => undefined;
  readonly #mayPass = new Promise<void>((resolve) => (this.#pass = resolve));

  constructor(plan: TransferPlan, origins: readonly string[]) {
    this.#plan = plan;
    this.#origins = origins;
    this.#clients = plan.clients.map((device, i) => this.#client(device, i));
  }

  #client(device: PlannedClient, i: number): FullClient {
    return new FullClient(this.#plan, device, this.#origins[i % this.#origins.length] ?? "", true);
  }

  /** Carry out a command; null: it has no answer. */
  async answer(asked: Command): Promise<object | null> {
    const { conversationId } = this.#plan;
    const [speaker] = this.#clients;
    switch (asked.command) {
      case "start":
        await aFewAtOnce(this.#clients, (one) => one.start());
        return {};
      case "seeds":
        return { seeds: await Promise.all(this.#clients.map((one) => one.seed(conversationId))) };
      case "downloads": {
        const bytes = this.#clients.map(({ downloads }) => Object.fromEntries(downloads.bytes));
        return { bytes };
      }
      case "talk":
        this.#talking ??= this.#talk(speaker, asked.everyMs);
        return null;
      case "hush":
        this.#hushed = true;
        await this.#talking;
        return { said: this.#said };
      case "send":
        return (await speaker?.send(asked.text)) ?? {};
      case "duty": {
        const { cellId } = asked;
        this.#clients[asked.client]?.asked({ t: "duty", conversationId, cellId });
        return null;
      }
      case "texts":
        return {
          texts: await Promise.all(this.#clients.map((c) => c.texts(asked.conversationId))),
        };
      case "show":
        await Promise.all(this.#clients.map((one) => one.shows(asked.conversationId, asked.text)));
        return {};
      case "move":
        return this.#move();
      case "pass":
        this.#pass();
        return null;
      case "close":
        await Promise.all(this.#clients.map((one) => one.close()));
        return {};
    }
  }

  async #talk(speaker: FullClient | undefined, everyMs: number): Promise<void> {
    while (!this.#hushed) {
      const text = `While people are moved: ${String(this.#said.length)}`;
      await speaker?.send(text);
      this.#said.push(text);
      await pause(everyMs);
    }
  }

  /** When each client was in its new cell, and when those that are watched read a message there. */
  async #move(): Promise<object> {
    const { to, passing } = this.#plan;
    const entered: Record<string, number> = {};
    const read: Record<string, number> = {};
    const enter = async (one: FullClient, limitMs = ENTER_LIMIT_MS): Promise<void> => {
      await one.entered(to, limitMs);
      entered[one.clientId] = Date.now();
    };
    const watched = this.#clients.map(async (one) => {
      await enter(one);
      await one.shows(to, null, ENTER_LIMIT_MS);
      read[one.clientId] = Date.now();
    });
    await this.#mayPass;
    const untilMs = Date.now() + PASS_LIMIT_MS;
    const passed = aFewAtOnce([...passing.entries()], async ([i, device]) => {
      if (Date.now() >= untilMs) return;
      const one = this.#client(device, i);
      await one.open();
      try {
        await enter(one, untilMs - Date.now());
      } catch (error) {
        process.stderr.write(`${String(error)}\n`);
      }
      await one.wipe();
    });
    await Promise.all([...watched, passed]);
    return { entered, read };
  }
}

async function main(): Promise<void> {
  const [planFile = "", ...origins] = process.argv.slice(2);
  const transfers = new Transfers(decode(await readFile(planFile)) as TransferPlan, origins);
  const carryOut = async (asked: Command): Promise<void> => {
    try {
      const answer = await transfers.answer(asked);
      if (answer !== null) say({ command: asked.command, ...answer });
    } catch (error) {
      say({ command: asked.command, error: String(error) });
    }
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line) as Command;
    // One takes long while others come: a command is not waited for.
    const done = carryOut(asked);
    if (asked.command === "close") return done;
  }
}

await main();
process.exit(0);
