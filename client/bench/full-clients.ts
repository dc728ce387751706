/**
 * Whole clients for the load simulator, several in one process. They enter their cells by
 * themselves, commit what is due, send what they are told.
 *
 * Run: npx tsx client/bench/full-clients.ts <devices.msgpack> <origin>…
 * Lines of JSON in: {command: "start" | "name" | "send" | "shown" | "shows" | "rejoin" | "held" |
 * "close", …}; out: answers with `command`, and what full-client.ts tells by itself. "name" names the
 * conversation with a text and is answered when all know it, "shown" when all show a text, "shows"
 * when a client shows one, with all that it shows, "held" with the key of each one's cell, whoever has
 * committed. "rejoin": a client that has lost everything comes in anew.
 */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { decode } from "@msgpack/msgpack";
import { FullClient, say } from "./full-client.ts";
import type { Plan } from "./full-client.ts";

interface Command {
  readonly command:
    "start" | "name" | "send" | "shown" | "shows" | "rejoin" | "held" | "stored" | "close";
  readonly client?: number;
  readonly text?: string;
}

async function main(): Promise<void> {
  const [planFile = "", ...origins] = process.argv.slice(2);
  const plan = decode(await readFile(planFile)) as Plan;
  const clients = plan.clients.map((device, i) => {
    return new FullClient(plan, device, origins[i % origins.length] ?? "");
  });
  for await (const line of createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line) as Command;
    const client = clients[asked.client ?? 0];
    try {
      switch (asked.command) {
        case "start":
          for (const one of clients) await one.start();
          say({ command: "start", clients: clients.length });
          break;
        case "name":
          if (asked.text !== undefined) await client?.name(asked.text);
          await Promise.all(clients.map((one) => one.named()));
          say({ command: "name" });
          break;
        case "send":
          say({ command: "send", ...(await client?.send(asked.text ?? "")) });
          break;
        case "shown": {
          for (const one of clients) await one.shows(plan.conversationId, asked.text ?? "");
          say({ command: "shown", clients: clients.length });
          break;
        }
        case "rejoin":
          await client?.wipe();
          await client?.start();
          say({ command: "rejoin" });
          break;
        case "shows":
          await client?.shows(plan.conversationId, asked.text ?? null);
          say({ command: "shows", texts: await client?.texts(plan.conversationId) });
          break;
        case "held": {
          const seeds = clients.map((one) => one.seed(plan.conversationId));
          say({ command: "held", cells: await Promise.all(seeds) });
          break;
        }
        case "stored":
          say({ command: "stored", ...(await client?.stored()) });
          break;
        case "close":
          await Promise.all(clients.map((one) => one.close()));
          say({ command: "close" });
          return;
      }
    } catch (error) {
      say({ command: asked.command, error: String(error) });
    }
  }
}

await main();
process.exit(0);
