/**
 * The page's part of `make bench-steps`: the work of a phone when the keys of a large conversation
 * change, by the app's own code. The people have real records; the network is left out.
 */
import { cellOpener, makeCellKey, openCellKey, sealCellKey } from "#core/keys/cell-key.ts";
import {
  makeConversationKey,
  openConversationKey,
  sealConversationKey,
} from "#core/keys/conversation-key.ts";
import { sealKeyIdBytes, type SealTarget, type DeviceKey } from "#core/keys/device-key.ts";
import { ZEROS } from "#core/keys/format/hashing.ts";
import { XWING } from "#core/keys/hpke.ts";
import {
  KIND_CELL_KEY,
  KIND_CONVERSATION_KEY,
  makeKeyShare,
  openKeyShare,
  parseKeyShare,
} from "#core/keys/key-share.ts";
import { randomBytes } from "#core/octets.ts";
import { NOW, Scene, openVault, type Officer } from "../test/trust/scene.ts";
import type { Signer } from "../test/support/department.ts";

/** As the app does. */
const AT_ONCE = 16;
/** Cells of one batch of late seals. */
const CELLS = 32;
const TURNS = 20;

interface Member {
  readonly officer: Officer;
  readonly phone: Signer;
}

/** Everything that others made before. */
export async function prepare(people: number) {
  const scene = await Scene.found();
  const members: Member[] = [];
  const keys: DeviceKey[] = [];
  for (let at = 0; at < people; at++) {
    const [officer, phone] = await scene.endorsedOfficer(`Officer ${String(at)}`);
    const key = await officer.key(phone, 1, NOW, XWING);
    officer.add({ keys: key.bytes });
    members.push({ officer, phone });
    keys.push(key);
  }
  const [author] = members;
  if (author === undefined) throw new RangeError("nobody");
  const conversation = randomBytes(16);
  const place = { conversation, epoch: 1, head: ZEROS, headCreated: NOW, nowMs: NOW };
  const by = { author: author.phone.deviceBytes };
  const signing = author.phone.keys.privateKey;
  const cellKey = (secret: Uint8Array) =>
    makeCellKey(
      { ...place, ...by, kem: XWING, cell: randomBytes(16), generation: 1, secret },
      signing,
    );
  const S = randomBytes(32);
  const C = randomBytes(32);
  const record = await makeConversationKey({ ...place, ...by, secret: S }, signing);
  const cell = await cellKey(C);
  const cells = await Promise.all(Array.from({ length: CELLS }, () => cellKey(randomBytes(32))));
  const own = { kem: XWING, privateKey: new Uint8Array(32).fill(1) } as const;
  const [key] = keys;
  if (key === undefined) throw new RangeError("nobody");
  const opener = { ...own, keyId: sealKeyIdBytes(key) };
  const secrets = [
    { of: { kind: KIND_CONVERSATION_KEY, record } as const, secret: S },
    { of: { kind: KIND_CELL_KEY, record: cell } as const, secret: C },
  ];

  const inParts = async <To extends SealTarget>(
    targets: readonly To[],
    seal: (to: To) => Promise<Uint8Array>,
  ): Promise<void> => {
    for (let at = 0; at < targets.length; at += AT_ONCE)
      await Promise.all(targets.slice(at, at + AT_ONCE).map(seal));
  };
  const sealToCell = (target: SealTarget) => sealCellKey(cell, C, target);

  /** The times of one round, in ms. */
  return async function round(): Promise<Record<string, number>> {
    const times: Record<string, number> = {};
    const time = async <T>(name: string, step: () => Promise<T>): Promise<T> => {
      const began = performance.now();
      const made = await step();
      times[name] = performance.now() - began;
      return made;
    };
    // A slowed page is stopped in pieces of some milliseconds: the mean of many counts.
    const timeOfMany = async (name: string, step: () => Promise<unknown>): Promise<void> => {
      await time(name, async () => {
        for (let turn = 0; turn < TURNS; turn++) await step();
      });
      times[name] = (times[name] ?? NaN) / TURNS;
    };
    const vault = await openVault();
    const trust = await scene.people(vault);
    const ids = members.map(({ officer }) => officer.personId);
    const judged = async (): Promise<void> => {
      await trust.ensure(ids, { keys: true, fresh: true });
      for (const { officer, phone } of members) {
        const { confirmed } = await trust.verdict(officer.personId, phone.device, NOW);
        if (confirmed === "no") throw new Error("not confirmed");
        await trust.deviceKey(officer.personId, phone.device, XWING);
      }
    };
    await time("verify_people_ms", judged);
    await time("verify_known_people_ms", judged);
    await time("seal_half_ms", () => inParts(keys.slice(0, people / 2), sealToCell));
    await time("seal_all_ms", () => inParts(keys, sealToCell));
    await time("late_seals_ms", () => inParts(cells, (to) => sealConversationKey(record, S, to)));
    const seal = () => makeKeyShare(conversation, key, secrets);
    const share = await seal();
    await timeOfMany("share_ms", seal);
    await timeOfMany("open_share_ms", () => openKeyShare(parseKeyShare(XWING, share), opener));
    const sealedCell = await sealToCell(key);
    await timeOfMany("open_cell_key_ms", () => openCellKey(cell, sealedCell, opener));
    const sealed = await sealConversationKey(record, S, cell);
    const cellsOwn = cellOpener(cell, C);
    await timeOfMany("open_key_ms", () => openConversationKey(record, sealed, cellsOwn));
    vault.close();
    return times;
  };
}
