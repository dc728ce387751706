import { beforeEach, describe, expect, test } from "vitest";
import { OwnKeys, OWN_KEYS_STORE, FORMER_MS } from "#core/account/own-keys.ts";
import { failure } from "#core/failure.ts";
import { DeviceKeyFormat, sealKeyId, type DeviceKey } from "#core/keys/device-key.ts";
import { X25519, XWING, publicKeyOf } from "#core/keys/hpke.ts";
import { DAY_MS, HOUR_MS } from "#core/keys/format/times.ts";
import { toHex } from "#core/octets.ts";
import type { Vault } from "#core/vault/vault.ts";
import { Department, newSigner, type Signer } from "../support/department.ts";
import { NOW, openVault } from "./scene.ts";

let department: Department;
let signer: Signer;
let vault: Vault;
let nowMs: number;
let put: Uint8Array[];
let offline: boolean;

function newKeys(): OwnKeys {
  return new OwnKeys({
    vault,
    api: {
      putDeviceKeys: ({ keys }) => {
        if (offline) return Promise.reject(failure("network", { retry: true }));
        put.push(...keys);
        return Promise.resolve();
      },
    },
    time: { anchor: () => Promise.resolve(), requireNow: () => nowMs },
    department: () => department.newest,
    identity: () => ({ deviceBytes: signer.deviceBytes, privateKey: signer.keys.privateKey }),
  });
}

function records(): DeviceKey[] {
  return put.map((bytes) => DeviceKeyFormat.parse(bytes));
}

beforeEach(async () => {
  department = await Department.found({ nowMs: NOW });
  signer = newSigner();
  vault = await openVault();
  nowMs = NOW;
  put = [];
  offline = false;
});

describe("this device's own keys", () => {
  test("one for each KEM in use is made, signed and published once", async () => {
    const keys = newKeys();
    await keys.maintain();
    await keys.maintain();
    expect(records().map(({ kem, generation }) => [kem, generation])).toEqual([
      [X25519, 1],
      [XWING, 1],
    ]);
    for (const record of records()) {
      await DeviceKeyFormat.verify(record, signer.keys.publicKey);
      const opener = await keys.opener(sealKeyId(record));
      if (opener === null) throw new Error("no private key");
      const own = await publicKeyOf(opener.kem, opener.privateKey);
      expect(toHex(own)).toBe(toHex(record.publicKey));
    }
  });

  test("S3: one that is dated ahead is replaced once the time is right again", async () => {
    const keys = newKeys();
    nowMs = NOW + 2 * DAY_MS;
    await keys.maintain();
    nowMs = NOW;
    await keys.maintain();
    await keys.maintain();
    expect(records().map(({ generation, created }) => [generation, created])).toEqual([
      [1, NOW + 2 * DAY_MS],
      [1, NOW + 2 * DAY_MS],
      [2, NOW],
      [2, NOW],
    ]);
  });

  test("K1: weekly a newer generation; the former opens for 48 hours more", async () => {
    const keys = newKeys();
    await keys.maintain();
    const [former] = records();
    if (former === undefined) throw new Error("nothing was published");
    nowMs += 5 * DAY_MS;
    await keys.maintain();
    expect(put.length).toBe(2);
    nowMs += 2 * DAY_MS;
    await keys.maintain();
    expect(records().map(({ generation }) => generation)).toEqual([1, 1, 2, 2]);
    nowMs += FORMER_MS;
    await keys.maintain();
    expect(await keys.opener(sealKeyId(former))).not.toBeNull();
    nowMs += HOUR_MS;
    await keys.maintain();
    expect(await keys.opener(sealKeyId(former))).toBeNull();
    expect(await newKeys().opener(sealKeyId(former))).toBeNull();
    const rows = await vault.all<{ privateKey: Uint8Array | null }>(OWN_KEYS_STORE);
    expect(rows.filter(({ privateKey }) => privateKey === null).length).toBe(2);
    // It still knows that it made it.
    expect(await keys.hasMade(former)).toBe(true);
  });

  test("are stored before they are sent, and sent again as they are", async () => {
    offline = true;
    const keys = newKeys();
    await expect(keys.maintain()).rejects.toMatchObject({ code: "network" });
    const stored = await vault.all<{ record: Uint8Array }>(OWN_KEYS_STORE);
    offline = false;
    // Another start of the app.
    await newKeys().maintain();
    expect(put.map(toHex).sort()).toEqual(stored.map(({ record }) => toHex(record)).sort());
  });

  test("are published again for a server that a backup was restored to", async () => {
    const keys = newKeys();
    await keys.maintain();
    const first = put.map(toHex);
    put = [];
    keys.publishAgain();
    offline = true;
    await expect(keys.maintain()).rejects.toMatchObject({ code: "network" });
    offline = false;
    await keys.maintain();
    await keys.maintain();
    expect(put.map(toHex)).toEqual(first);
  });

  test("E5: a key that this device did not make is not taken for its own", async () => {
    const keys = newKeys();
    await keys.maintain();
    const publicKey = await publicKeyOf(X25519, new Uint8Array(32).fill(3));
    const values = {
      kem: X25519,
      device: signer.deviceBytes,
      generation: 2,
      created: nowMs,
    } as const;
    const copied = await DeviceKeyFormat.sign({ ...values, publicKey }, signer.keys.privateKey);
    expect(await keys.hasMade(copied)).toBe(false);
  });
});
