import "fake-indexeddb/auto";
import { newId, type ActId } from "#core/ids.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MINUTE_MS } from "#core/keys/format/times.ts";
import { ActFormat } from "#core/keys/trust/admin-act.ts";
import { fromHex, toHex } from "#core/octets.ts";
import type { Act } from "#core/wire.ts";
import { MemoryServer } from "../memory/server.ts";
import { grant } from "../support/department.ts";
import { Phone, codeOf, type Clock } from "./phone.ts";
import { NOW } from "./scene.ts";

let clock: Clock;
let server: MemoryServer;
let chief: Phone;
let other: Phone;

beforeEach(async () => {
  clock = { ms: NOW };
  server = await MemoryServer.start({ policy: "approval", now: () => clock.ms });
  chief = await Phone.register(server, clock, 1, "Chief");
  other = await Phone.register(server, clock, 2, "Other");
  const right = await grant(server.desk, chief.personId, "TG", clock.ms);
  await server.judge.records.addGrant(right.bytes);
  const person = await server.people.person(chief.personId);
  person.grants.push(right.bytes);
  server.people.changed(person);
  clock.ms += MINUTE_MS;
});

afterEach(() => server.close());

/** An act that the server in memory takes: a grant over a unit. */
async function giving(path: string): Promise<Act> {
  const { device, signaturePrivateKey } = chief.services.account.require();
  const signer = {
    ...{ personId: chief.personId, clientId: chief.clientId },
    ...{ device: device as never, deviceBytes: fromHex(device) },
    keys: { privateKey: signaturePrivateKey, publicKey: new Uint8Array(32) },
  };
  const record = await grant(signer, other.personId, path, clock.ms);
  const text = btoa(String.fromCharCode(...record.bytes));
  return { act: "give_grant", personId: other.personId, path, grant: text };
}

const posts = (): number => chief.asked.filter((one) => one === "POST /v1/admin/acts").length;

describe("administrative acts", () => {
  test("are signed by this device, and what is signed is what was asked for", async () => {
    const act = await giving("TG/CHAR");
    const answer = await chief.services.acts.perform(act);
    expect(answer.state).toBe("done");
    const [taken] = [...server.admin.taken.values()];
    const record = ActFormat.parse(taken?.bytes ?? new Uint8Array());
    expect(toHex(record.device)).toBe(chief.device);
    expect(JSON.parse(new TextDecoder().decode(record.body))).toEqual(act);
    const { signaturePublicKey } = chief.services.account.require();
    await ActFormat.verify(record, signaturePublicKey);
  });

  test("are done once when the app ends before the answer and the call is repeated", async () => {
    const [act, actId] = [await giving("TG/CHAR"), newId<ActId>()];
    chief.crashAfter = "/admin/acts";
    expect(await codeOf(chief.services.acts.perform(act, actId))).toBe("network");
    chief.crashAfter = null;
    expect(server.admin.taken.size).toBe(1);
    await chief.restart();
    clock.ms += MINUTE_MS;
    const before = posts();
    const answer = await chief.services.acts.perform(act, actId);
    expect(answer).toMatchObject({ actId, state: "done" });
    expect(posts()).toBe(before + 1);
    expect(server.admin.taken.size).toBe(1);
    expect((await server.people.person(other.personId)).grants.length).toBe(1);
  });

  test("are signed anew where the server never took them and takes them no more", async () => {
    const actId = newId<ActId>();
    chief.offline = true;
    expect(await codeOf(chief.services.acts.perform(await giving("TG/CHAR"), actId))).toBe(
      "network",
    );
    chief.offline = false;
    clock.ms += 11 * MINUTE_MS;
    const answer = await chief.services.acts.perform(await giving("TG/CHAR"), actId);
    expect(answer).toMatchObject({ actId, state: "done" });
  });

  test("that were refused are forgotten", async () => {
    const actId = newId<ActId>();
    const refused: Act = { act: "suspend_person", personId: other.personId, reason: "" };
    expect(await codeOf(chief.services.acts.perform(refused, actId))).toBe("act_invalid");
    expect((await chief.services.acts.perform(await giving("TG/CHAR"), actId)).state).toBe("done");
  });

  test("that wait for a second admin say so, and give nothing yet", async () => {
    server.admin.waits = true;
    const { grants, waiting } = await chief.calls.grant(other.personId, "TG/CHAR", 30);
    expect({ grants, waiting }).toEqual({ grants: [], waiting: true });
  });
});
