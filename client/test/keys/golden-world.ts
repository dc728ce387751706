/**
 * The story of the golden vectors as a device knows it.
 *
 * KEYS.md is ahead of the vectors, so three things are added here with the vectors' own keys:
 * PersonDevices; revocation records for what the vectors call lost; and the two grants, which last
 * over 180 days in the vectors, signed again with 180 days.
 */
import { utf8, type Bytes } from "../../src/octets.ts";
import { nextLogHash, parseMessage, LOG_START } from "../../src/keys/message.ts";
import { hash, ZEROS } from "../../src/keys/format/hashing.ts";
import { idOf, type DeviceId, type KeyId, type MessageId, type PersonId } from "../../src/ids.ts";
import {
  VerifiedRoster,
  type AcceptedHeader,
  type KnownConversation,
} from "../../src/keys/known.ts";
import { acceptedHeader, receive } from "../../src/keys/receive.ts";
import { Judge } from "../../src/keys/trust/confirmed.ts";
import { GrantFormat } from "../../src/keys/trust/grant.ts";
import { GRANT_LIMIT_MS } from "../../src/limits.ts";
import { PersonDevicesFormat } from "../../src/keys/trust/person-devices.ts";
import { RevocationFormat } from "../../src/keys/trust/revocation.ts";
import { TrustRecords } from "../../src/keys/trust/trust-records.ts";
import { at, hex, type Vectors } from "./vectors.ts";

const AUTHORITY_SEED = hash(utf8("copconnect vector signature key roster authority"));
const PEOPLE: Readonly<Record<string, string>> = { A: "ab", B: "xc", C: "rd" };

export const device = (v: Vectors, name: string) => at(v.devices, name);
export const deviceId = (v: Vectors, name: string) => device(v, name).device as DeviceId;
export const seed = (v: Vectors, name: string) => hex(device(v, name).signature_seed);

export interface TrustOptions {
  /** Endorsements of these devices have not come yet. */
  readonly without?: string;
  /** The revocation of x has not come. */
  readonly xInUse?: boolean;
  /** The roster authority revoked r a minute ago. KEYS.md's E4 asks for that before an admin's
   * endorsement of d counts: both are C's devices. */
  readonly rRevoked?: boolean;
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
  for (const [name, { person, card }] of Object.entries(v.people)) {
    await records.addCard(hex(options.cards?.[name] ?? card));
    const devices = [...at(PEOPLE, name)].map((one) => hex(device(v, one).device));
    const values = { person: hex(person), number: 1, previous: ZEROS, created: 0, devices };
    await records.addPersonDevices((await PersonDevicesFormat.sign(values, AUTHORITY_SEED)).bytes);
  }
  for (const [name, grant] of Object.entries(v.grants)) {
    const given = options.grants?.[name];
    if (given !== undefined) await records.addGrant(hex(given));
    else await records.addGrant(await lastingGrant(hex(grant), seed(v, name === "1" ? "r" : "a")));
  }
  for (const [name, one] of Object.entries(v.endorsements))
    if (!(options.without ?? "d").includes(name)) await records.addEndorsement(hex(one));
  for (const one of options.endorsements ?? []) await records.addEndorsement(hex(one));
  const created = v.now - 120_000;
  const r = hex(device(v, "r").device);
  for (const [name, lostAt] of Object.entries(v.lost)) {
    if (options.xInUse === true) continue;
    const values = {
      device: hex(device(v, name).device),
      lostAt,
      created,
      signer: r,
      standing: [],
    };
    await records.addRevocation((await RevocationFormat.sign(values, seed(v, "r"))).bytes);
  }
  if (options.rRevoked === true) {
    const revoked = v.now - 60_000;
    const values = { device: r, lostAt: revoked, created: revoked, signer: ZEROS, standing: [] };
    await records.addRevocation((await RevocationFormat.sign(values, AUTHORITY_SEED)).bytes);
  }
  return new Judge(records);
}

async function lastingGrant(bytes: Bytes, privateKey: Bytes): Promise<Bytes> {
  const grant = GrantFormat.parse(bytes);
  const notAfter = grant.created + GRANT_LIMIT_MS;
  return (await GrantFormat.sign({ ...grant, notAfter }, privateKey)).bytes;
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
