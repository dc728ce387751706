import { strFromU8, unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { failure } from "#core/failure.ts";
import { toHex } from "#core/octets.ts";
import { hash } from "#core/keys/format/hashing.ts";
import { UNREADABLE } from "#core/limits.ts";
import { exported } from "#core/overseeing/exporting.ts";
import { gather, type GatheringOptions } from "#core/overseeing/gathering.ts";
import type { ExportFormat, OrderExport } from "#core/seam/overseeing.ts";
import { sealedHash } from "#core/keys/acknowledgement.ts";
import { newId, type AttachmentId, type UnitId } from "#core/ids.ts";
import type { OrderContent } from "#core/kinds/order.ts";
import type { OrderRecord } from "#core/wire.ts";
import { newSigner } from "../support/department.ts";
import { NOW } from "../trust/scene.ts";
import { DIRECTORY, ORDER, Served, WORDS } from "./served.ts";

function optionsOf(served: Served, signal = new AbortController().signal): GatheringOptions {
  const { api, scene } = served;
  return {
    ...{ api, directory: DIRECTORY, signal },
    department: () => scene.trust,
    ...{ onProgress: () => undefined, open: () => Promise.resolve(null), signed: null },
  };
}

async function file(served: Served, format: ExportFormat): Promise<OrderExport> {
  const { signal } = new AbortController();
  const gathered = await gather(optionsOf(served, signal), ORDER.orderId, null);
  const { units } = DIRECTORY;
  return exported(gathered, format, { words: WORDS, units, madeMs: NOW, signal });
}

async function bytesOf(made: OrderExport): Promise<Uint8Array> {
  return new Uint8Array(await (made.file as Blob).arrayBuffer());
}

async function linesOf(served: Served): Promise<readonly (readonly string[])[]> {
  const text = new TextDecoder().decode(await bytesOf(await file(served, "csv")));
  const lines = text.split("\r\n").filter((line) => line !== "");
  return lines.map((line) => line.slice(1, -1).split('","'));
}

describe("who acknowledged, in a file", () => {
  it("verifies every record, and names people as their cards do", async () => {
    const served = await Served.of(["Asha", "Bilal", "Chandra", "Devi", "Esha"]);
    const sealed = new Uint8Array(100).fill(7);
    await served.acknowledge(0, { choice: 2, done: 0b101, photoHash: sealedHash(sealed) });
    // A tick replaced the record half a minute later.
    served.records[0] = { ...(served.records[0] as OrderRecord), firstCreatedMs: NOW - 60_000 };
    const photo = { sealed, attachmentId: newId<AttachmentId>() };
    served.records[0] = { ...(served.records[0] as OrderRecord), photo };
    await served.acknowledge(1, { told: 1, choice: 0 }, served.officers[0]?.signers[0]);
    served.say(2, "read");
    await served.acknowledge(3, { choice: UNREADABLE });
    const made = await file(served, "csv");
    expect(made).toMatchObject({ signaturesVerified: 3, refused: [], rows: 5 });
    expect(made.total).toEqual({
      owed: 5,
      received: 4,
      read: 3,
      acknowledged: 2,
      told: 1,
      unreadable: 1,
      photos: 1,
      choices: [0, 1],
      items: [1, 0, 1],
    });
    expect(made.units.get("HYD" as UnitId)?.owed).toBe(5);
    expect(made.units.get("GOLC" as UnitId)).toMatchObject({ owed: 2, acknowledged: 1, told: 1 });
    expect(made.sha256).toBe(toHex(hash(await bytesOf(made))));
    const [header, asha, bilal, chandra] = await linesOf(served);
    expect(header?.slice(-3)).toEqual(["person_id", "record", "certificate"]);
    expect(asha?.slice(0, 5)).toEqual([
      ...["Asha", "Constable", "Constable", "TG / HYD / CHAR", "Acknowledged"],
    ]);
    // A choice that a spreadsheet would compute is text.
    expect(asha?.[5]).toBe("'=cmd|'/c calc'!A1");
    expect(asha?.[6]).toBe("2 / 3: 1, 3");
    expect([asha?.[8], bilal?.[8]]).toEqual(["sent", ""]);
    expect(asha?.slice(9, 11)).toEqual(["2026-11-26T17:29:00+05:30", "2026-11-26T17:29:30+05:30"]);
    expect(bilal?.[12]).toBe("Asha");
    expect(chandra?.slice(4)).toEqual([
      ...["Read", "", "", "", "", "", "", "", "", "", "", served.officers[2]?.personId, "", ""],
    ]);
  });

  it("counts nothing that does not verify, and says what it was", async () => {
    const served = await Served.of([
      "Asha",
      "Bilal",
      "Chandra",
      "Devi",
      "Esha",
      "Farid",
      "Gita",
      "Hari",
    ]);
    const flipped = await served.record(0);
    flipped.record[flipped.record.length - 1] = (flipped.record.at(-1) ?? 0) ^ 1;
    served.records.push(flipped);
    await served.acknowledge(1, { headerHash: new Uint8Array(32) });
    // Nobody's device says that it is this person's.
    await served.acknowledge(2, {}, newSigner(served.officers[2]?.personId));
    await served.acknowledge(3, {}, served.officers[0]?.signers[0]);
    served.say(4, "acknowledged");
    await served.acknowledge(5);
    served.records.push(await served.record(5, { choice: 2 }));
    served.records.push({
      record: new Uint8Array(3),
      ...{ answer: null, photo: null },
      receivedMs: NOW,
      firstCreatedMs: NOW,
    });
    await served.acknowledge(6, { choice: 3 });
    await served.acknowledge(7, { done: 0b1000 });
    const made = await file(served, "csv");
    expect(made.signaturesVerified).toBe(1);
    expect(made.total).toMatchObject({
      owed: 8,
      acknowledged: 1,
      choices: [1, 0],
      items: [0, 0, 0],
    });
    expect(made.refused.map(({ name, reason }) => [name, reason])).toEqual([
      ["Asha as the server says", "O1: signature does not verify"],
      ["Bilal as the server says", "O1: another order's acknowledgement"],
      ["Chandra as the server says", "O1: not confirmed: certificate is unknown"],
      ["Devi as the server says", "O1: signed by another person"],
      ["Farid", "O1: a second record of the person"],
      ["", expect.stringMatching(/^O1: /u)],
      ["Gita as the server says", "O1: the order has no such choice"],
      ["Hari as the server says", "O1: the order has no such item"],
      ["Esha as the server says", "O1: counted, but its record was not handed out"],
    ]);
  });

  it("judges no record by terms that the issuer did not sign", async () => {
    const served = await Served.of(["Asha"]);
    await served.acknowledge(0, { choice: 2, done: 0b1 });
    const { terms, headerHash } = ORDER;
    const words = { choices: ["Yes", "No"], items: ["Lock-up", "Kote", "CCTV"] };
    const content = { ...terms, kind: "order", ...words } as unknown as OrderContent;
    const options = { ...optionsOf(served), signed: { headerHash, content } };
    expect((await gather(options, ORDER.orderId, null)).signaturesVerified).toBe(1);
    const order = { ...ORDER, terms: { ...terms, choices: 1, items: 4 } };
    const lying = { ...options, api: { ...served.api, order: () => Promise.resolve(order) } };
    await expect(gather(lying, ORDER.orderId, null)).rejects.toMatchObject({
      code: "order_differs",
      details: { what: "terms" },
    });
    const other = { ...options, signed: { headerHash: new Uint8Array(32), content } };
    await expect(gather(other, ORDER.orderId, null)).rejects.toMatchObject({
      code: "order_differs",
      details: { what: "header" },
    });
  });

  it("numbers choices and items where the order's text is not here", async () => {
    const served = await Served.of(["Asha", "Bilal"]);
    await served.acknowledge(0, { choice: 2, done: 0b101 });
    await served.acknowledge(1, { told: 1, choice: 0 }, served.officers[0]?.signers[0]);
    const { signal } = new AbortController();
    const gathered = await gather(optionsOf(served), ORDER.orderId, null);
    const words = { ...WORDS, choices: [], items: [] };
    const options = { words, units: DIRECTORY.units, madeMs: NOW, signal };
    const made = await exported(gathered, "print", options);
    expect(made.people.map(({ items }) => items)).toEqual(["2 / 3: 1, 3", ""]);
    const book = unzipSync(await bytesOf(await exported(gathered, "xlsx", options)));
    const sheet = strFromU8(book["xl/worksheets/sheet2.xml"] as Uint8Array);
    for (const heading of ["Choice 1", "Choice 2", "Item 1", "Item 2", "Item 3"])
      expect(sheet).toContain(heading);
  });

  it("keeps what somebody signed who left, and counts nobody who owes nothing", async () => {
    const served = await Served.of(["Asha", "Bilal"]);
    await served.acknowledge(1);
    served.people.pop();
    const made = await file(served, "print");
    expect(made.people.map(({ name, state }) => [name, state])).toEqual([
      ["Asha as the server says", "waiting"],
      ["Bilal", "left"],
    ]);
    expect(made.total).toMatchObject({ owed: 1, acknowledged: 0 });
    expect(made.signaturesVerified).toBe(1);
  });

  it("writes a workbook whose cells are text, in every script", async () => {
    const served = await Served.of(["+Asha <b>&", "బిలాల్", "چاند"]);
    await served.acknowledge(0);
    const { signal } = new AbortController();
    const gathered = await gather(optionsOf(served), ORDER.orderId, null);
    const { units } = DIRECTORY;
    const words = { ...WORDS, rightToLeft: true };
    const made = await exported(gathered, "xlsx", { words, units, madeMs: NOW, signal });
    const files = unzipSync(await bytesOf(made));
    const sheet = strFromU8(files["xl/worksheets/sheet3.xml"] as Uint8Array);
    expect(sheet).toContain('<t xml:space="preserve">\'+Asha &lt;b&gt;&amp;</t>');
    expect(sheet).toContain("బిలాల్ as the server says");
    expect(sheet).toContain('rightToLeft="1"');
    expect(strFromU8(files["xl/workbook.xml"] as Uint8Array)).toContain('name="People"');
    expect(strFromU8(files["xl/worksheets/sheet1.xml"] as Uint8Array)).toContain("<v>3</v>");
  });

  it("waits where the server limits requests, and stops where the person cancels", async () => {
    const served = await Served.of(["Asha", "Bilal", "Chandra"]);
    const { orderPeople } = served.api;
    let asked = 0;
    const slow: GatheringOptions["api"] = {
      ...served.api,
      orderPeople: (...given) =>
        ++asked === 1
          ? Promise.reject(failure("rate_limited" as never, { retryAfterMs: 1 }))
          : orderPeople(...given),
    };
    const heard: (readonly [number, number])[] = [];
    const onProgress = (done: number, total: number): void => void heard.push([done, total]);
    const whole = { ...optionsOf(served), api: slow, onProgress };
    expect((await gather(whole, ORDER.orderId, null)).people).toHaveLength(3);
    expect(heard.at(-1)).toEqual([3, 3]);
    const running = new AbortController();
    const cancelled = { ...optionsOf(served, running.signal), onProgress: () => running.abort() };
    await expect(gather(cancelled, ORDER.orderId, null)).rejects.toThrow();
  });

  it("is not held by a server whose pages never end", async () => {
    const served = await Served.of(["Asha"]);
    const { orderPeople } = served.api;
    const endless: GatheringOptions["api"] = {
      ...served.api,
      orderPeople: async (...given) => ({ ...(await orderPeople(...given)), next: "0" }),
      orderRecords: () => Promise.resolve({ records: [], people: [], next: "1" }),
    };
    const made = await gather({ ...optionsOf(served), api: endless }, ORDER.orderId, null);
    expect(made.people).toHaveLength(1);
  });
});
