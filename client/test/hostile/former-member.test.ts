/**
 * Somebody who was removed, together with the server: what they sign under the head of before is refused
 * at any position of the log behind a later head (R2), also where the log is read backwards, after a
 * restore, and as the newest state.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copy } from "#core/octets.ts";
import { encodeContent } from "#core/kinds/content.ts";
import type { ConversationId } from "#core/ids.ts";
import type { HeaderDraft } from "#core/keys/message.ts";
import { Insider, type OwnKey } from "../support/insider.ts";
import type { Officer } from "../support/officer.ts";
import { compareDigits } from "../support/scenarios.ts";
import { World } from "../support/world.ts";

const LIMIT_MS = 60_000;

let world: World;
let former: Insider;
let a: Officer;
let b: Officer;
let id: ConversationId;
let key: OwnKey;
let head: Pick<HeaderDraft, "epoch" | "head">;

beforeEach(async () => {
  world = await World.make({ people: 2 });
  [a, b] = [world.officer("Asha"), world.officer("Balu")];
  former = await Insider.register(world.server, 50);
  await former.connect();
  ({ conversationId: id } = await a.core.conversations.createGroup({
    ...{ title: "Beat 9", personIds: [b.person, former.personId], photo: null },
    ...{ whoMaySend: "everyone", history: "30_days" },
  }));
  await b.ready(id);
  await a.core.members.change(id, { makeAdmin: [former.personId] });
  await world.settle();
  key = await former.makeKey(id);
  const { epoch, hash } = await former.head(id);
  head = { epoch, head: hash };
}, LIMIT_MS);

afterEach(async () => {
  await world.close();
  await world.server.close();
});

function text(said: string): Uint8Array {
  return encodeContent({ kind: "text", text: said, mentions: [], replyTo: null, forwards: 0 });
}

function title(said: string): Uint8Array {
  const shown = { title: said, photo: null, description: "", pins: [] };
  return encodeContent({ kind: "state", version: 9, ...shown });
}

/** A message that the former member signs while still listed, to be sent afterwards. */
function signed(content: Uint8Array): Promise<Uint8Array> {
  return former.message(id, key, content, head);
}

async function removed(): Promise<void> {
  await a.core.members.change(id, { remove: [former.personId] });
  await a.text(id, "after the removal");
  await b.receives(id, "after the removal");
}

async function post(message: Uint8Array, state = false): Promise<void> {
  const { log, people } = world.server;
  const rest = { quiet: false, everybody: false, order: null, exported: null };
  const said = { attachmentIds: [], wakes: [], ...rest };
  log.takesAnything = true;
  const client = people.client(former.signer.clientId);
  await log.post(world.server.conversation(id), client, { message: copy(message), state, ...said });
  log.takesAnything = false;
}

/** Another phone of b, which reads the log from its end. */
async function anotherPhone(): Promise<Officer> {
  const phone = await world.device(1);
  await compareDigits(b, phone);
  await phone.ready(id);
  return phone;
}

describe("what a removed member signed before", { timeout: LIMIT_MS }, () => {
  it("is refused on a page that is read before the page with the later head", async () => {
    const late = await signed(text("I am still here"));
    await removed();
    await post(late);
    // The page that a new phone reads first begins with it.
    for (let n = 1; n < 50; n++) await a.text(id, `on duty, ${String(n)}`);
    await b.receives(id, "on duty, 49");
    const phone = await anotherPhone();
    await phone.receives(id, "after the removal");
    await phone.until(
      "filled",
      async () => (await phone.core.conversations.encryption(id)).refused > 0,
    );
    expect(await phone.texts(id)).not.toContain("I am still here");
    expect(await b.texts(id)).not.toContain("I am still here");
  });

  it("is refused after a restore that keeps the later head", async () => {
    const late = await signed(text("I am still here"));
    await removed();
    const backup = world.server.backup();
    await world.server.restore(backup);
    // b has gone back, and nobody has written under the newest head yet.
    const { epoch } = world.server.conversation(id);
    await b.until(
      "goes back",
      async () => (await b.core.conversations.encryption(id)).rosterEpoch === epoch,
    );
    await world.settle();
    await post(late);
    await a.text(id, "after the restore");
    await b.receives(id, "after the restore");
    expect(await b.texts(id)).not.toContain("I am still here");
  });

  it("gives the group no name, though the server hands it out as the newest state", async () => {
    // A new phone is given this key with the history.
    await a.text(id, "before the removal");
    await b.receives(id, "before the removal");
    const late = await signed(title("Taken over"));
    await removed();
    await post(late, true);
    await a.text(id, "after it");
    await b.receives(id, "after it");
    const phone = await anotherPhone();
    await phone.receives(id, "before the removal");
    world.server.conversation(id).infoVersion += 1;
    await phone.restart();
    await phone.text(id, "from the new phone");
    await a.receives(id, "from the new phone");
    for (const officer of [b, phone])
      expect((await officer.core.conversations.get(id)).title).not.toBe("Taken over");
  });
});
