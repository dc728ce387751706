/** E0 to E6 and T1 where the golden vectors and extra.json say nothing; each test bears its rule. */
import { describe, expect, it } from "vitest";
import { Refused } from "#core/keys/format/refused.ts";
import { MINUTE_MS } from "#core/keys/format/times.ts";
import { toHex } from "#core/octets.ts";
import { POLICY_APPROVAL, POLICY_NONE } from "#core/keys/trust/department.ts";
import { comparedDigits, digitsCommitment } from "#core/keys/trust/digits.ts";
import { BY_ADMIN, OWN_DEVICE } from "#core/keys/trust/endorsement.ts";
import { checkPersonDevices } from "#core/keys/trust/person-devices.ts";
import { TimeFormat, checkTime } from "#core/keys/trust/time.ts";
import {
  AUTHORITY_SEED,
  CITY,
  FILE,
  NOW,
  SOUTH,
  day,
  department,
  device,
  deviceBytes,
  devicesRecord,
  endorsement,
  force,
  grant,
  person,
  recordOf,
  revocation,
} from "./force.ts";
import { hex } from "./vectors.ts";

function refusal(run: () => unknown): Refused {
  try {
    run();
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const rule = (name: string) => ({ rule: name });

describe("who is confirmed", () => {
  it("E0 tells how, by whom and since when", async () => {
    const judge = await force();
    expect(judge.confirmed(device("r1"), NOW)).toMatchObject({
      ...{ how: "root_admin", approved: true, by: null, byPerson: null, sinceMs: null },
    });
    expect(judge.confirmed(device("b1"), NOW)).toMatchObject({
      ...{ how: "admin", approved: true, person: person("B") },
      ...{ by: device("s1"), byPerson: person("S"), sinceMs: day(-36) },
    });
    expect(judge.confirmed(device("b2"), NOW)).toMatchObject({
      ...{ how: "own_device", by: device("b1"), byPerson: person("B") },
    });
  });

  it("E0 a first device under policy none is not approved, and its loss confirms no other", async () => {
    const judge = await force({ departments: ["department none"], without: ["s1 b1"] });
    const first = judge.confirmed(device("c1"), NOW);
    expect(first).toMatchObject({ how: "first", approved: false, by: null });
    await judge.records.addRevocation(await revocation(null, "b1", -1, -1));
    const { records } = judge;
    expect(judge.confirmedOrNull(device("b1"), NOW)).toBeNull();
    expect(judge.confirmed(device("b1"), day(-2)).how).toBe("first");
    const verdict = judge.confirmed(device("b2"), NOW);
    // b1 endorsed b2 before it was lost, and the roster authority keeps what was taken before.
    expect(verdict.how).toBe("own_device");
    await judge.records.addRevocation(await revocation(null, "b2", -1, -1));
    expect(judge.confirmedOrNull(device("b3"), NOW)).toBeNull();
    expect(records.version).toBeGreaterThan(0);
  });

  it("E0 the department's later policy ends first devices, not what they endorsed", async () => {
    const judge = await force({ departments: ["department none"] });
    expect(judge.confirmed(device("c1"), NOW).how).toBe("first");
    const { bytes } = await department({ number: 2, created: day(-1), policy: POLICY_APPROVAL });
    await judge.records.addDepartment(bytes);
    expect(judge.confirmedOrNull(device("c1"), NOW)).toBeNull();
    expect(judge.confirmed(device("b2"), NOW).how).toBe("own_device");
  });

  it("E0 names the certificate or list of devices that is missing", async () => {
    const judge = await force({ uncertified: ["b1"], without: ["devices C"] });
    const missing = refusal(() => judge.confirmed(device("b1"), NOW, "R2"));
    expect(missing).toMatchObject(rule("R2"));
    expect(missing.missing).toEqual({ kind: "certificate", device: device("b1") });
    expect(refusal(() => judge.confirmed(device("c1"), NOW)).missing).toEqual({
      ...{ kind: "person devices", person: person("C") },
    });
    // b2's verdict rests on b1's certificate.
    expect(refusal(() => judge.confirmed(device("b2"), NOW)).missing).toEqual({
      ...{ kind: "certificate", device: device("b1") },
    });
  });

  it("E0 names a card that is missing, and judges anew once it is in", async () => {
    const judge = await force({ without: ["card B"] });
    const { missing } = refusal(() => judge.confirmed(device("b1"), NOW));
    expect(missing).toEqual({ kind: "card", person: person("B") });
    await judge.records.addCard(recordOf("card B"));
    expect(judge.confirmed(device("b1"), NOW).how).toBe("admin");
  });

  it("E0 an issuing CA that the department record does not name certifies nobody", async () => {
    const judge = await force();
    const issuers = [new Uint8Array(32)];
    await judge.records.addDepartment((await department({ created: day(-1), issuers })).bytes);
    expect(judge.confirmed(device("b1"), day(-2)).how).toBe("admin");
    expect(refusal(() => judge.confirmed(device("b1"), NOW))).toMatchObject(rule("E0"));
  });

  it("E0 a department record is replaced by a higher number and a later date alone", async () => {
    const judge = await force();
    const { records } = judge;
    await records.addDepartment(recordOf("department 2"));
    const older = await department({ created: day(-55) });
    await expect(records.addDepartment(older.bytes)).rejects.toMatchObject(rule("E0"));
    const same = await department({ number: 2, created: day(-1), policy: POLICY_NONE });
    await expect(records.addDepartment(same.bytes)).rejects.toMatchObject(rule("E0"));
    expect(records.department.number).toBe(2);
  });

  it("E0 a grant over 180 days, before it begins, or of no unit path is refused", async () => {
    const { records } = await force();
    for (const [path, days] of [
      ...[[CITY, 180.001] as const, [CITY, -1] as const],
      ...[["", 1] as const, ["a//b", 1] as const, ["/a", 1] as const, ["a/", 1] as const],
    ])
      await expect(records.addGrant(await grant("r1", "C", path, -1, days))).rejects.toMatchObject(
        rule("E0"),
      );
  });

  it("E0 withdrawing ends a grant at its date, and not what was made before", async () => {
    const judge = await force();
    expect(judge.isGranted(person("S"), SOUTH, NOW)).toBe(true);
    expect(judge.mayAdminister(device("s1"), person("B"), NOW)).toBe(true);
    await judge.records.addGrant(await grant("a1", "S", SOUTH, -1, 0));
    expect(judge.isGranted(person("S"), SOUTH, NOW)).toBe(false);
    expect(judge.isGranted(person("S"), SOUTH, day(-2))).toBe(true);
    expect(judge.mayAdminister(device("s1"), person("B"), NOW)).toBe(false);
    expect(judge.confirmed(device("b1"), NOW).by).toBe(device("s1"));
  });

  it("E0 many devices that endorse each other end in a refusal, soon", async () => {
    const judge = await force({ without: ["s1 b1", "b1 b2"] });
    const confirmed = ["r1", "a1", "s1"];
    const names = Object.keys(FILE.devices).filter((name) => !confirmed.includes(name));
    for (const by of names)
      for (const of of names)
        for (const days of [-30, -29, -28, -27, -26, -25, -24, -23])
          if (by !== of)
            await judge.records.addEndorsement((await endorsement(by, of, days, BY_ADMIN)).bytes);
    const began = performance.now();
    for (const name of names) expect(judge.confirmedOrNull(device(name), NOW)).toBeNull();
    expect(performance.now() - began).toBeLessThan(10_000);
    for (const name of confirmed) expect(judge.confirmed(device(name), NOW).approved).toBe(true);
  });

  it("E0 an endorsement that is not among the records does not count", async () => {
    const judge = await force();
    const unknown = await endorsement("r1", "c1", -1, BY_ADMIN);
    expect(refusal(() => judge.requireEndorsement(unknown))).toMatchObject(rule("E0"));
    await judge.records.addEndorsement(unknown.bytes);
    judge.requireEndorsement(unknown);
  });
});

describe("a person's devices", () => {
  it("E1 a newer list replaces the one held, and an older one does not", async () => {
    const { records } = await force();
    const before = records.personDevices(person("C"));
    const previous = before?.hash ?? new Uint8Array();
    const next = await devicesRecord("C", ["c1", "d1"], { number: 2, previous });
    expect(records.devicesOf(person("C"))).toEqual([device("c1")]);
    await records.addPersonDevices(next.bytes);
    await records.addPersonDevices(recordOf("devices C"));
    expect(records.devicesOf(person("C"))).toEqual([device("c1"), device("d1")]);
  });

  it("E1 a list that forks, goes back, or takes a device out is refused", async () => {
    const { records } = await force();
    const authority = hex(FILE.authority_key);
    const held = records.personDevices(person("B"));
    const previous = held?.hash ?? new Uint8Array();
    const wrong = [
      await devicesRecord("B", ["b1", "b2"]),
      await devicesRecord("B", ["b1", "b2"], { number: 2, previous }),
      await devicesRecord("B", ["b2", "b1", "b3"], { number: 2, previous }),
      await devicesRecord("B", ["b1", "b2", "b3"], { number: 2, previous: new Uint8Array(32) }),
      await devicesRecord("B", ["b1", "b2", "b3"], { number: 2, previous: deviceBytes("b1") }),
      await devicesRecord("C", ["b1", "b2", "b3"], { number: 2, previous }),
    ];
    for (const list of wrong)
      await expect(checkPersonDevices(list, authority, held)).rejects.toMatchObject(rule("E0"));
    // Lists between may be unknown.
    const later = await devicesRecord("B", ["b1", "b2", "b3"], {
      number: 9,
      previous: deviceBytes("b1"),
    });
    await checkPersonDevices(later, authority, held);
    await expect(checkPersonDevices(later, hex(FILE.root_key))).rejects.toMatchObject(rule("E0"));
  });

  it("E0 a device twice in one list is refused", async () => {
    await expect(devicesRecord("C", ["c1", "c1"])).rejects.toMatchObject(rule("E0"));
  });

  it("E4 another device whose certificate is unknown prevents an admin's endorsement", async () => {
    const judge = await force({ uncertified: ["b1"] });
    await judge.records.addEndorsement((await endorsement("s1", "b3", -1, BY_ADMIN)).bytes);
    const { missing } = refusal(() => judge.confirmed(device("b3"), NOW));
    expect(missing).toEqual({ kind: "certificate", device: device("b1") });
  });

  it("E4 an admin's endorsement counts once the confirmed devices are revoked", async () => {
    const judge = await force();
    await judge.records.addEndorsement((await endorsement("s1", "b3", -5, BY_ADMIN)).bytes);
    expect(judge.confirmedOrNull(device("b3"), NOW)).toBeNull();
    // Nor does it wake with a later revocation, or with the roster authority's.
    await judge.records.addRevocation(await revocation("s1", "b1", -2, -6));
    await judge.records.addRevocation(await revocation(null, "b1", -5, -5));
    expect(judge.confirmedOrNull(device("b3"), NOW)).toBeNull();
    await judge.records.addRevocation(await revocation("s1", "b1", -5, -6));
    // b2 rested on b1's endorsement, which the revocation does not list.
    expect(judge.confirmedOrNull(device("b2"), NOW)).toBeNull();
    expect(judge.confirmed(device("b3"), NOW)).toMatchObject({ how: "admin", by: device("s1") });
    expect(judge.lostFrom(device("b1"))).toBe(day(-6));
  });

  it("E4 an own device's revocation reaches back 30 days at most", async () => {
    const judge = await force();
    await judge.records.addRevocation(await revocation("b2", "b1", -1, -32, ["b1 b2"]));
    expect(judge.lostFrom(device("b1"))).toBeNull();
    await judge.records.addRevocation(await revocation("r1", "b1", -1, -34, ["b1 b2"]));
    expect(judge.lostFrom(device("b1"))).toBe(day(-34));
    expect(judge.confirmed(device("b2"), NOW).how).toBe("own_device");
  });

  it("E4 a revocation dated before the loss, or of itself, is refused", async () => {
    const { records } = await force();
    for (const bytes of [revocation("b2", "b1", -2, -1), revocation("b1", "b1", -1, -2)])
      await expect(records.addRevocation(await bytes)).rejects.toMatchObject(rule("E4"));
  });

  it("E4 a revocation that another key signed is refused", async () => {
    const { records } = await force();
    const bytes = await revocation("b2", "b1", -1, -2);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await expect(records.addRevocation(bytes)).rejects.toMatchObject(rule("E4"));
  });

  it("E6 wipes for the endorser or an admin, locks for the others", async () => {
    const reaction = async (by: string | null, of: string, standing: string[] = []) => {
      const judge = await force();
      expect(judge.reaction(device(of))).toBe("none");
      await judge.records.addRevocation(await revocation(by, of, -1, -1, standing));
      return judge.reaction(device(of));
    };
    expect(await reaction("b1", "b2")).toBe("wipe");
    expect(await reaction("b2", "b1", ["b1 b2"])).toBe("lock");
    // b2 rests on b1's endorsement, so it revokes b1 only by letting that stand.
    expect(await reaction("b2", "b1")).toBe("none");
    expect(await reaction("s1", "b1")).toBe("wipe");
    expect(await reaction("r1", "b1")).toBe("wipe");
    expect(await reaction(null, "b1")).toBe("lock");
    expect(await reaction("c1", "b1")).toBe("none");
  });

  it("E0 an own device's endorsement needs the same person", async () => {
    const judge = await force();
    await judge.records.addEndorsement((await endorsement("b1", "c1", -1, OWN_DEVICE)).bytes);
    expect(judge.confirmedOrNull(device("c1"), NOW)).toBeNull();
  });
});

describe("comparing and time", () => {
  it("E3 a man in the middle gets other digits, and no secret of another length", () => {
    const [a, b] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
    const sides = { endorser: deviceBytes("b1"), endorsed: deviceBytes("b2") };
    const rootKey = hex(FILE.root_key);
    const commitment = digitsCommitment(a, sides.endorser);
    const honest = { commitment, a, b, rootKey, ...sides };
    const number = comparedDigits(honest);
    expect(number).toMatch(/^[0-9]{6}$/u);
    expect(comparedDigits({ ...honest, endorsed: deviceBytes("b3") })).not.toBe(number);
    expect(comparedDigits({ ...honest, rootKey: hex(FILE.issuing_key) })).not.toBe(number);
    const other = { ...honest, endorser: deviceBytes("b3") };
    expect(refusal(() => comparedDigits(other))).toMatchObject(rule("E3"));
    const short = { ...honest, b: b.subarray(1) };
    expect(refusal(() => comparedDigits(short))).toMatchObject(rule("E3"));
  });

  it("T1 a time of another nonce, or not by the roster authority, is refused", async () => {
    const nonce = new Uint8Array(16).fill(7);
    const record = await TimeFormat.sign(
      { nonce, time: NOW - MINUTE_MS, logSize: 0, logRoot: new Uint8Array(32) },
      AUTHORITY_SEED,
    );
    expect(toHex(TimeFormat.parse(record.bytes).nonce)).toBe(toHex(nonce));
    const authority = hex(FILE.authority_key);
    expect(await checkTime(record, nonce, authority)).toBe(NOW - MINUTE_MS);
    await expect(checkTime(record, new Uint8Array(16), authority)).rejects.toMatchObject(
      rule("T1"),
    );
  });
});
