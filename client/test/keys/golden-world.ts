/** The story of the golden vectors (spec/keys/README.md) as a device knows it. */
import type { Bytes } from "#core/octets.ts";
import { nextLogHash, parseMessage, LOG_START } from "#core/keys/message.ts";
import { idOf, type DeviceId, type KeyId, type MessageId, type PersonId } from "#core/ids.ts";
import type { AcceptedHeader, KnownConversation } from "#core/keys/known.ts";
import { acceptedHeader, receive } from "#core/keys/receive.ts";
import { Judge } from "#core/keys/trust/confirmed.ts";
import { TrustRecords } from "#core/keys/trust/trust-records.ts";
import { at, hex, type Vectors } from "./vectors.ts";
import { VerifiedRoster } from "./verified-roster.ts";

export const device = (v: Vectors, name: string) => at(v.devices, name);
export const deviceId = (v: Vectors, name: string) => device(v, name).device as DeviceId;
export const seed = (v: Vectors, name: string) => hex(device(v, name).signature_seed);

export interface TrustOptions {
  /** Endorsements of these devices have not come yet. */
  readonly without?: string;
  /** Devices whose revocations have not come. */
  readonly held?: string;
  readonly endorsements?: readonly string[];
  readonly grants?: Readonly<Record<string, string>>;
  readonly cards?: Readonly<Record<string, string>>;
  readonly certificates?: Readonly<Record<string, string>>;
}

export async function trustOf(v: Vectors, options: TrustOptions = {}): Promise<Judge> {
  const records = new TrustRecords(hex(v.root_key));
  await records.addDepartment(hex(v.department));
  records.addIssuingKey(hex(v.issuing_key));
  for (const [name, { certificate }] of Object.entries(v.devices))
    await records.addCertificate(hex(options.certificates?.[name] ?? certificate));
  for (const [name, { card }] of Object.entries(v.people))
    await records.addCard(hex(options.cards?.[name] ?? card));
  for (const one of Object.values(v.person_devices)) await records.addPersonDevices(hex(one));
  for (const [name, grant] of Object.entries(v.grants))
    await records.addGrant(hex(options.grants?.[name] ?? grant));
  for (const [name, one] of Object.entries(v.endorsements))
    if (!(options.without ?? "d").includes(name)) await records.addEndorsement(hex(one));
  for (const one of options.endorsements ?? []) await records.addEndorsement(hex(one));
  for (const [name, one] of Object.entries(v.revocations))
    if (name !== options.held) await records.addRevocation(hex(one));
  return new Judge(records);
}

/** The records that a device of the conversation holds. */
export class GoldenConversation implements KnownConversation {
  readonly conversation: Bytes;
  people: readonly [PersonId, PersonId] | null = null;
  newcomer = false;
  readonly roster: VerifiedRoster;
  readonly secrets = new Map<string, Uint8Array>();
  readonly bodyKeys = new Map<MessageId, Uint8Array>();
  readonly log: { hash: Bytes; epoch: number }[] = [{ hash: LOG_START, epoch: 0 }];
  readonly #accepted = new Map<string, AcceptedHeader>();
  readonly judge: Judge;
  readonly #now: number;

  private constructor(v: Vectors, judge: Judge) {
    this.conversation = hex(v.conversation);
    this.judge = judge;
    this.#now = v.now;
    this.roster = new VerifiedRoster(this.conversation, judge.records);
  }

  /** After it accepted these messages. */
  static async open(v: Vectors, after = "", judge?: Judge): Promise<GoldenConversation> {
    const found = new GoldenConversation(v, judge ?? (await trustOf(v)));
    for (const [epoch, { head, leaves }] of Object.entries(v.roster)) {
      await found.roster.addHead(hex(head));
      for (const [name, proof] of Object.entries(leaves))
        found.roster.addProof(Number(epoch), deviceId(v, name), hex(proof));
    }
    for (const { record, key_id, secret } of Object.values(v.conversation_keys)) {
      found.roster.addRecord(hex(record));
      found.secrets.set(key_id, hex(secret));
    }
    for (const name of after.split(" ").filter((one) => one !== ""))
      await found.accept(hex(at(v.messages, name).message));
    return found;
  }

  get position(): number {
    return this.log.length;
  }

  receive(bytes: Uint8Array, position = this.position) {
    return receive(bytes, this, this.judge, position, this.#now);
  }

  async accept(bytes: Uint8Array) {
    const received = await this.receive(bytes);
    this.keep(bytes);
    return received;
  }

  /** R8, without the log. */
  keep(bytes: Uint8Array): void {
    const { header } = parseMessage(bytes, this.conversation);
    this.#accepted.set(
      `${idOf<DeviceId>(header.sender)} ${String(header.seq)}`,
      acceptedHeader(header),
    );
    const before = this.log.at(-1)?.hash ?? LOG_START;
    this.log.push({ hash: nextLogHash(before, header.hash), epoch: header.epoch });
  }

  head = (epoch: number) => this.roster.head(epoch);
  listed = (epoch: number, id: DeviceId) => this.roster.listed(epoch, id);
  record = (key: KeyId) => this.roster.record(key);
  secret = (key: KeyId) => this.secrets.get(key) ?? null;
  sharedBodyKey = (message: MessageId) => this.bodyKeys.get(message) ?? null;
  logHash = (position: number) => this.log[position]?.hash ?? null;
  highestEpoch = (position: number) =>
    Math.max(...this.log.slice(0, position).map(({ epoch }) => epoch));
  accepted = (sender: DeviceId, seq: number) =>
    this.#accepted.get(`${sender} ${String(seq)}`) ?? null;
  acceptedBefore = (sender: DeviceId, seq: number) =>
    [...this.#accepted].some(([name, one]) => name.startsWith(sender) && one.seq < seq);
}
