/**
 * A device without a core: it speaks the protocol by hand, from the pure code of src/keys, and so can
 * do what no honest client does. Every method makes an honest record unless an argument differs; the
 * answers of the server are returned or thrown as they are (CoreFailure with the server's code).
 *
 * It keeps nothing between calls but its keys, its own chain and the secrets that it made.
 */
import { idOf, newId } from "#core/ids.ts";
import type { CellId, ConversationId, DeviceId, PersonId, SealKeyId } from "#core/ids.ts";
import { decode, encode } from "@msgpack/msgpack";
import { concat, copy, fromHex, randomBytes, toHex, u64, utf8, type Bytes } from "#core/octets.ts";
import {
  makeConversationKey,
  sealConversationKey,
  type ConversationKey,
} from "#core/keys/conversation-key.ts";
import { CellKeyFormat, makeCellKey, sealCellKey, type CellKey } from "#core/keys/cell-key.ts";
import { sealToEach } from "#core/keys/committed.ts";
import {
  DeviceKeyFormat,
  sealKeyIdBytes,
  type DeviceKey,
  type SealTarget,
} from "#core/keys/device-key.ts";
import { ZEROS, hash } from "#core/keys/format/hashing.ts";
import { X25519, publicKeyOf, type Kem } from "#core/keys/hpke.ts";
import {
  HeaderFormat,
  LOG_START,
  SIGNED_HEADER_BYTES,
  nextLogHash,
  sealMessage,
  type HeaderDraft,
  type Header,
} from "#core/keys/message.ts";
import { sign } from "#core/keys/format/signature.ts";
import { decodeContent } from "#core/kinds/content.ts";
import { declared } from "#core/messages/declared.ts";
import { RosterHeadFormat, type RosterHead } from "#core/keys/roster/head.ts";
import { checkLines } from "#core/roster/cells.ts";
import { Api } from "#core/transport/api.ts";
import { Http, type Fetch } from "#core/transport/http.ts";
import type { WebSocketMaker } from "#core/transport/socket.ts";
import { WIRE_VERSION } from "#core/wire.ts";
import type * as wire from "#core/wire.ts";
import { newSigner, type Signer } from "./department.ts";
import { numberOf } from "./people.ts";
import { personIdOf } from "../memory/people.ts";

export interface InsidersServer {
  readonly origin: string;
  readonly fetch: Fetch;
  readonly WebSocket: WebSocketMaker;
  codeFor(number: string): Promise<string>;
  /** The time that the department signs. */
  now(): number;
}

/** A conversation key that this device made, with its secret. */
export interface OwnKey {
  readonly record: ConversationKey;
  readonly secret: Bytes;
}

export interface KeyOptions {
  /** The bytes that are sealed instead of S. */
  readonly sealed?: Uint8Array;
  readonly created?: number;
  readonly epoch?: number;
  /** Devices without a seal; where there are several cells, every cell but the own one has none. */
  readonly leftOut?: readonly DeviceId[];
}

export class Insider {
  readonly signer: Signer;
  readonly api: Api;
  readonly #server: InsidersServer;
  /** The frames that were pushed to this device. */
  readonly frames: wire.ServerFrame[] = [];
  #token: string | null = null;
  readonly #privateKeys = new Map<Kem, Uint8Array>();
  readonly #chains = new Map<ConversationId, Header>();

  private constructor(server: InsidersServer, signer: Signer) {
    this.#server = server;
    this.signer = signer;
    this.api = new Api(
      new Http({
        server: server.origin,
        fetch: server.fetch,
        random: () => 0.5,
        token: () => this.#token,
        renewToken: () => this.#renewToken(),
        onRefused: () => undefined,
      }),
    );
  }

  /** Register the person with this index, accept the code of conduct and publish a device key. */
  static async register(server: InsidersServer, index: number): Promise<Insider> {
    const number = numberOf(index);
    const insider = new Insider(server, newSigner(personIdOf(number)));
    const { api, signer } = insider;
    const { challengeId } = await api.requestCode({ number, language: "en" });
    const code = await server.codeFor(number);
    const { ticket } = await api.submitCode({ challengeId, code });
    const { clientId, keys } = signer;
    const label = utf8("copconnect register v1\0");
    const signed = concat(label, utf8(ticket), fromHex(clientId), keys.publicKey);
    const proof = await sign(keys.privateKey, signed);
    const asked = { ticket, clientId, signaturePublicKey: keys.publicKey, proof, label: "Insider" };
    const { accessToken } = await api.registerClient(asked);
    insider.#token = accessToken;
    const { version, language } = await api.conduct({ language: "en" });
    await api.acceptConduct({ version, language });
    await insider.publishKey(X25519);
    return insider;
  }

  async #renewToken(): Promise<void> {
    const token = newId();
    const tokenHash = hash(utf8(token));
    await this.api.renewCertificate({ ...(await this.#signed("renew v2", tokenHash)), tokenHash });
    this.#token = token;
  }

  async signOut(): Promise<void> {
    await this.api.signOut(await this.#signed("sign-out v1", new Uint8Array()));
  }

  async #signed(label: string, rest: Bytes): Promise<wire.SignOut> {
    const { clientId, keys } = this.signer;
    const createdMs = this.#server.now();
    const head = concat(utf8(`copconnect ${label}\0`), fromHex(clientId), u64(createdMs));
    return { clientId, createdMs, proof: await sign(keys.privateKey, concat(head, rest)) };
  }

  /** Connect and listen: the server may ask this device for what it never answers unasked. */
  connect(): Promise<void> {
    const socket = new this.#server.WebSocket(`${this.#server.origin}/v1/socket`);
    socket.binaryType = "arraybuffer";
    const accessToken = this.#token ?? "";
    const said = { version: WIRE_VERSION, accessToken, positions: [], app: "" };
    const hello: wire.Hello = { t: "hello", ...said };
    return new Promise((resolve) => {
      socket.onopen = () => socket.send(copy(encode(hello)));
      socket.onmessage = ({ data }: { data: ArrayBuffer }) => {
        this.frames.push(decode(new Uint8Array(data)) as wire.ServerFrame);
        resolve();
      };
    });
  }

  /** The frames of one kind, the oldest first. */
  pushed<T extends wire.ServerFrame["t"]>(t: T): readonly Extract<wire.ServerFrame, { t: T }>[] {
    return this.frames.filter((one): one is Extract<wire.ServerFrame, { t: T }> => one.t === t);
  }

  get personId(): PersonId {
    return this.signer.personId;
  }

  async publishKey(kem: Kem, publicKey?: Uint8Array, generation = 1): Promise<DeviceKey> {
    const secret = randomBytes(32);
    this.#privateKeys.set(kem, secret);
    const values = { kem, device: this.signer.deviceBytes, generation };
    const key = await DeviceKeyFormat.sign(
      {
        ...values,
        created: this.#server.now(),
        publicKey: publicKey ?? (await publicKeyOf(kem, secret)),
      },
      this.signer.keys.privateKey,
    );
    await this.api.putDeviceKeys({ keys: [key.bytes] });
    return key;
  }

  async head(conversationId: ConversationId): Promise<RosterHead> {
    return RosterHeadFormat.parse((await this.api.rosterState(conversationId)).head);
  }

  /** The newest DeviceKeys of these people's devices. */
  async keysOf(personIds: readonly PersonId[], kem: Kem): Promise<readonly DeviceKey[]> {
    const people = personIds.map((personId) => ({ personId, held: new Uint8Array(0) }));
    const { people: found } = await this.api.lookUpTrust({ people, keys: true });
    const asked = found.filter(({ personId }) => personIds.includes(personId));
    return asked
      .flatMap(({ keys }) => keys.map((bytes) => DeviceKeyFormat.parse(bytes)))
      .filter((key) => key.kem === kem);
  }

  /** Make a conversation key, sealed to every member's devices or to every cell, and send it. */
  async makeKey(conversationId: ConversationId, options: KeyOptions = {}): Promise<OwnKey> {
    const head = await this.head(conversationId);
    const cells = await this.#cellKeys(conversationId, head, options.leftOut !== undefined);
    const leftOut = cells === null ? [...(options.leftOut ?? [])] : [];
    const keys = cells ?? (await this.#deviceKeys(conversationId, head.kem, leftOut));
    const secret = randomBytes(32);
    const record = await makeConversationKey(
      {
        ...{ conversation: head.conversation, author: this.signer.deviceBytes, secret },
        ...{ epoch: options.epoch ?? head.epoch, head: head.hash, headCreated: head.created },
        nowMs: options.created ?? this.#server.now(),
      },
      this.signer.keys.privateKey,
    );
    const sealed = options.sealed ?? secret;
    const seals = await sealToEach(keys, (key) => sealConversationKey(record, sealed, key));
    await this.api.submitKey(conversationId, { record: record.bytes, seals, leftOut });
    return { record, secret };
  }

  /** Keys of the members' devices, without some of these. */
  async #deviceKeys(
    conversationId: ConversationId,
    kem: Kem,
    leftOut: readonly DeviceId[],
  ): Promise<readonly SealTarget[]> {
    const { members } = await this.api.members(conversationId);
    const people = members.map(({ personId }) => personId);
    const keys = await this.keysOf(people, kem);
    return keys.filter((key) => !leftOut.includes(idOf(key.device)));
  }

  /** Keys of all cells, or of the own one; null: there is one cell. */
  async #cellKeys(
    conversationId: ConversationId,
    head: RosterHead,
    ownAlone: boolean,
  ): Promise<readonly SealTarget[] | null> {
    const { lines, keys } = await this.api.cellKeys(conversationId);
    if (checkLines(head, lines, "S4").length === 1) return null;
    const { leaves } = await this.api.ownCell(conversationId);
    const own = idOf<CellId>(leaves.subarray(0, 16));
    const all = keys.map(({ record }) => CellKeyFormat.parse(record));
    return all.filter(({ cell }) => !ownAlone || idOf<CellId>(cell) === own);
  }

  /** Make the key that the server wants for this device's cell, sealed to these people's devices. */
  async makeCellKey(
    conversationId: ConversationId,
    wanted: wire.CellKeyWanted,
    people: readonly PersonId[],
  ): Promise<CellKey> {
    const head = await this.head(conversationId);
    const secret = randomBytes(32);
    const conversation = fromHex(conversationId);
    const record = await makeCellKey(
      {
        ...{ kem: head.kem, conversation, cell: fromHex(wanted.cellId), secret },
        ...{ epoch: wanted.epoch, generation: wanted.generation, head: head.hash },
        ...{ headCreated: head.created, author: this.signer.deviceBytes },
        nowMs: this.#server.now(),
      },
      this.signer.keys.privateKey,
    );
    const targets = await this.keysOf(people, head.kem);
    const seals = await sealToEach(targets, (key) => sealCellKey(record, secret, key));
    const body = { record: record.bytes, seals, leftOut: [] };
    await this.api.submitCellKey(conversationId, body);
    return record;
  }

  /** Sign a message under a key; `change` bends its header before it is signed. */
  async message(
    conversationId: ConversationId,
    key: OwnKey,
    plaintext: Uint8Array,
    change: Partial<HeaderDraft> = {},
  ): Promise<Bytes> {
    const head = await this.head(conversationId);
    const former = this.#chains.get(conversationId);
    const log = await this.api.log(conversationId, { after: 0, limit: 200 });
    let [logHash, logPosition] = [log.logHash, (log.entries[0]?.seq ?? 1) - 1];
    for (const { seq, message } of log.entries) {
      const signed = message.subarray(0, SIGNED_HEADER_BYTES);
      logHash = nextLogHash(logHash, HeaderFormat.parse(signed).hash);
      logPosition = seq;
    }
    const draft: HeaderDraft = {
      ...{ conversation: head.conversation, message: randomBytes(16) },
      ...declared(decodeContent(plaintext)),
      ...{ sender: this.signer.deviceBytes, seq: (former?.seq ?? 0) + 1, attempt: 1 },
      ...{ previous: former?.hash ?? ZEROS, key: key.record.hash, epoch: head.epoch },
      ...{ head: head.hash, logPosition, logHash: logPosition === 0 ? LOG_START : logHash },
      sent: this.#server.now(),
      ...change,
    };
    return sealMessage(draft, key.secret, plaintext, this.signer.keys.privateKey);
  }

  async post(
    conversationId: ConversationId,
    message: Uint8Array,
    state = false,
    quiet = false,
  ): Promise<wire.Accepted> {
    const accepted = await this.api.sendMessage(conversationId, {
      message,
      attachmentIds: [],
      wakes: [],
      state,
      quiet,
      order: null,
      ...{ exported: null, everybody: false },
    });
    const header = HeaderFormat.parse(message.subarray(0, SIGNED_HEADER_BYTES));
    this.#chains.set(conversationId, header);
    return accepted;
  }

  /** The key id that seals to this device name. */
  async ownKeyId(kem: Kem): Promise<SealKeyId> {
    const [own] = (await this.keysOf([this.personId], kem)).filter(
      ({ device }) => toHex(device) === this.signer.device,
    );
    if (own === undefined) throw new Error("no device key");
    return idOf<SealKeyId>(sealKeyIdBytes(own));
  }

  privateKey(kem: Kem): Uint8Array {
    const found = this.#privateKeys.get(kem);
    if (found === undefined) throw new Error("no device key");
    return found;
  }
}
