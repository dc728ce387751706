/**
 * Notices tell people how two signed rosters differ (E1). Pure. Nothing here is the server's
 * word: who asked for a change no signature proves, so nobody is named for it.
 */
import type { DeviceId, PersonId } from "../ids.ts";
import { notice } from "../conversation/messages.ts";
import type { ConversationRecord, NoticeRecord } from "../records.ts";
import { mayAdminister, type Leaf } from "../keys/roster/leaf.ts";

export interface DeviceFacts {
  /** The person who vouches for a device; null: nobody, or it is not known. */
  readonly by: (person: PersonId, device: DeviceId) => Promise<PersonId | null>;
  /** Whether the device is still the person's and confirmed. */
  readonly has: (person: PersonId, device: DeviceId) => Promise<boolean>;
  /** Departures are shown ({@link showsDepartures}). */
  readonly departures: boolean;
  /** The word for a person's first leaf. */
  readonly arrival: (person: PersonId) => "added" | "registered";
}

/**
 * Whether this device shows a notice when somebody leaves. In a group with admins, the devices of admins
 * show it. In a group without admins, and in a conversation that follows the data bank, every device does.
 */
export function showsDepartures(
  { kind, audience }: Pick<ConversationRecord, "kind" | "audience">,
  leaves: readonly Pick<Leaf, "device" | "rights">[],
  device: DeviceId,
): boolean {
  const admins = leaves.filter(mayAdminister);
  const isLeftByHand = kind === "group" && audience === null;
  return !isLeftByHand || admins.length === 0 || admins.some((leaf) => leaf.device === device);
}

function byPerson(leaves: readonly Leaf[]): ReadonlyMap<PersonId, readonly Leaf[]> {
  const people = new Map<PersonId, Leaf[]>();
  for (const leaf of leaves) people.set(leaf.person, [...(people.get(leaf.person) ?? []), leaf]);
  return people;
}

export interface RosterChange {
  readonly notices: readonly NoticeRecord[];
  /** Leaves of people who lost their devices and are no less members for it. */
  readonly absent: readonly Leaf[];
}

/** Notices of a change from `was` to `is`; `absent`: people who had lost their devices before. */
export async function rosterNotices(
  was: readonly Leaf[],
  absent: readonly Leaf[],
  is: readonly Leaf[],
  facts: DeviceFacts,
): Promise<RosterChange> {
  const listed = byPerson(was);
  const before = byPerson([...was, ...absent]);
  const after = byPerson(is);
  const added: PersonId[] = [];
  const registered: PersonId[] = [];
  const removed: PersonId[] = [];
  const lessDevices: PersonId[] = [];
  const madeAdmin: PersonId[] = [];
  const revokedAdmin: PersonId[] = [];
  const newDevices = new Map<PersonId | null, PersonId[]>();
  for (const [person, leaves] of after) {
    const known = before.get(person);
    if (known === undefined) {
      (facts.arrival(person) === "added" ? added : registered).push(person);
      continue;
    }
    for (const { device } of leaves) {
      if (known.some((leaf) => leaf.device === device)) continue;
      const by = await facts.by(person, device);
      newDevices.set(by, [...(newDevices.get(by) ?? []), person]);
    }
    const had = listed.get(person) ?? [];
    if (had.some(({ device }) => leaves.every((leaf) => leaf.device !== device)))
      lessDevices.push(person);
    const [admin, wasAdmin] = [leaves.some(mayAdminister), known.some(mayAdminister)];
    if (admin && !wasAdmin) madeAdmin.push(person);
    if (!admin && wasAdmin) revokedAdmin.push(person);
  }
  const stillAbsent = absent.filter(({ person }) => !after.has(person));
  for (const [person, leaves] of listed) {
    if (after.has(person)) continue;
    // A revoked phone is no reason to say that its person was removed.
    const own = await Promise.all(leaves.map(({ device }) => facts.has(person, device)));
    if (own.some(Boolean)) {
      removed.push(person);
    } else {
      lessDevices.push(person);
      stillAbsent.push(...leaves);
    }
  }
  const notices: NoticeRecord[] = [];
  const say = (kind: NoticeRecord["kind"], people: readonly PersonId[]): void => {
    if (people.length > 0) notices.push(notice(kind, { people }));
  };
  say("added", added);
  say("registered", registered);
  for (const [by, people] of newDevices) notices.push(notice("device_added", { people, by }));
  if (facts.departures) say("removed", removed);
  say("device_removed", lessDevices);
  say("made_admin", madeAdmin);
  say("revoked_admin", revokedAdmin);
  return { notices, absent: stillAbsent };
}
