/**
 * The sockets of the server in memory. Frames reach a device in the order in which they were pushed;
 * what becomes of one on its way is the test's choice ({@link Live.pushes}).
 */
import { decode, encode } from "@msgpack/msgpack";
import type { ConversationId, DeviceId, PersonId } from "../../src/ids.ts";
import type { WebSocketMaker } from "../../src/transport/socket.ts";
import {
  CLOSE_CONDUCT_NOT_ACCEPTED,
  CLOSE_REPLACED,
  CLOSE_SIGNED_OUT,
  CLOSE_UNAUTHENTICATED,
} from "../../src/wire.ts";
import type * as wire from "../../src/wire.ts";
import { newest } from "./rosters.ts";
import type { ServerPorts } from "./ports.ts";
import { isOut, type ClientState, type ConversationState } from "./state.ts";

/** More entries than this are fetched from the log. */
const MOST_FOLLOWING = 50;
const CLOSE_ABNORMAL = 1006;

interface Connection {
  readonly device: DeviceId;
  readonly personId: PersonId;
  readonly sinceMs: number;
  send(frame: wire.ServerFrame): void;
  close(code: number): void;
}

export class Live {
  readonly #server: ServerPorts;
  readonly #connections = new Map<DeviceId, Connection>();
  /** The frames that reach a device in place of one: another one, several, or none. */
  pushes: (device: DeviceId, frame: wire.ServerFrame) => readonly wire.ServerFrame[] = (
    _,
    frame,
  ) => [frame];
  /** Senders and heads that this topic's readers already know. */
  readonly #told = new Map<ConversationId, Set<string>>();
  readonly WebSocket: WebSocketMaker;

  constructor(server: ServerPorts) {
    this.#server = server;
    this.WebSocket = socketOf(this);
  }

  online(device: DeviceId): boolean {
    return this.#connections.has(device);
  }

  /** The connected ones among these devices, longest first. */
  longestOnline(devices: Iterable<DeviceId>): readonly DeviceId[] {
    const found = [...devices].flatMap((device) => this.#connections.get(device) ?? []);
    found.sort((a, b) => a.sinceMs - b.sinceMs || (a.device < b.device ? -1 : 1));
    return found.map(({ device }) => device);
  }

  push(device: DeviceId, frame: wire.ServerFrame): void {
    const connection = this.#connections.get(device);
    if (connection === undefined) return;
    for (const one of this.pushes(device, frame)) connection.send(one);
  }

  /** To every listed device of a conversation. */
  pushAll(
    conversation: ConversationState,
    frame: (device: DeviceId) => wire.ServerFrame | null,
  ): void {
    for (const device of newest(conversation).leaves.keys()) {
      const one = frame(device);
      if (one !== null) this.push(device, one);
    }
  }

  /** To all devices of these people, listed anywhere or not. */
  pushPeople(personIds: Iterable<PersonId>, event: wire.AccountFrame["event"]): void {
    const people = new Set(personIds);
    for (const { device, personId } of [...this.#connections.values()])
      if (people.has(personId)) this.push(device, { t: "account", event });
  }

  close(device: DeviceId, code: number): void {
    this.#connections.get(device)?.close(code);
  }

  closeAll(code: number): void {
    for (const { close } of [...this.#connections.values()]) close(code);
    this.#told.clear();
  }

  /** Whether readers of a topic may lack what belongs to this sender under this head. */
  isNews(conversation: ConversationState, sender: DeviceId, epoch: number): boolean {
    const told = this.#told.get(conversation.id) ?? new Set();
    this.#told.set(conversation.id, told);
    const pair = `${sender}/${String(epoch)}`;
    if (told.has(pair)) return false;
    told.add(pair);
    return true;
  }

  /** A frame from a client. Returns its connection after hello. */
  async receive(
    frame: wire.ClientFrame,
    device: DeviceId | null,
    socket: Pick<Connection, "send" | "close">,
  ): Promise<DeviceId | null> {
    if (frame.t === "hello") return this.#hello(frame, socket);
    if (device !== null && frame.t === "cursors")
      this.#server.receipts.store(device, frame.updates);
    if (device !== null && frame.t === "send_position") this.#position(device, frame);
    return device;
  }

  /** Pass a live position on to the devices of a conversation that lists its sender. */
  #position(device: DeviceId, { conversationId, data }: wire.SendPosition): void {
    const conversation = this.#server.state.conversations.get(conversationId);
    if (conversation === undefined || !newest(conversation).leaves.has(device)) return;
    if (data.length > 0)
      this.pushAll(conversation, () => ({ t: "position", conversationId, data }));
  }

  gone(device: DeviceId, socket: Pick<Connection, "send">): void {
    if (this.#connections.get(device)?.send === socket.send) this.#connections.delete(device);
  }

  async #hello(
    hello: wire.Hello,
    socket: Pick<Connection, "send" | "close">,
  ): Promise<DeviceId | null> {
    const { people } = this.#server;
    const client = people.clientByToken(hello.accessToken);
    if (client === null) return refuse(socket, CLOSE_UNAUTHENTICATED);
    if (isOut(client)) return refuse(socket, CLOSE_SIGNED_OUT);
    if (!people.hasAccepted(client.personId)) return refuse(socket, CLOSE_CONDUCT_NOT_ACCEPTED);
    const { device, personId } = client;
    this.#connections.get(device)?.close(CLOSE_REPLACED);
    const { send, close } = socket;
    this.#connections.set(device, { device, personId, sinceMs: this.#server.now(), send, close });
    const { ready, following } = await this.#ready(client, hello);
    for (const frame of [ready, ...following]) this.push(device, frame);
    this.#server.asking.came(device);
    return device;
  }

  async #ready(
    client: ClientState,
    hello: wire.Hello,
  ): Promise<{ readonly ready: wire.Ready; readonly following: readonly wire.EntryFrame[] }> {
    const { device } = client;
    const following: wire.EntryFrame[] = [];
    const heads: wire.ConversationHead[] = [];
    for (const conversation of this.#server.conversationsOf(client.personId)) {
      if (!newest(conversation).leaves.has(device)) continue;
      const position = hello.positions.find((one) => one.conversationId === conversation.id);
      const missed =
        position === undefined ? null : this.#server.log.missed(conversation, position.seq);
      const follows = missed !== null && missed.length <= MOST_FOLLOWING;
      if (follows)
        for (const { entry } of missed) following.push({ t: "entry", entry, supplement: null });
      const cursor = conversation.cursors.get(device);
      heads.push({
        ...{ conversationId: conversation.id, lastSeq: conversation.log.length, follows },
        rosterEpoch: conversation.epoch,
        infoVersion: this.#server.conversations.infoVersion(conversation, client.personId),
        receiptsVersion: conversation.receiptsVersion,
        deliveredSeq: cursor?.deliveredSeq ?? 0,
        readSeq: this.#server.receipts.of(conversation, client.personId).readSeq,
        shares: conversation.shares.get(device)?.length ?? 0,
      });
    }
    const { people, state } = this.#server;
    const ready: wire.Ready = {
      t: "ready",
      serverTimeMs: this.#server.now(),
      trustVersion: state.version,
      directoryVersion: "1",
      guardPolicy: 0,
      guardPictures: 0,
      sanctioned: false,
      meVersion: await people.meVersion(client),
      heads,
    };
    return { ready, following };
  }

  get down(): boolean {
    return this.#server.down;
  }

  /** In the server's turn: after what it does now. */
  inTurn<T>(step: () => Promise<T>): Promise<T> {
    return this.#server.inTurn(step);
  }
}

function refuse(socket: Pick<Connection, "close">, code: number): null {
  socket.close(code);
  return null;
}

/** A WebSocket class whose sockets lead to this server. */
function socketOf(live: Live): WebSocketMaker {
  class MemorySocket {
    binaryType = "arraybuffer";
    readonly bufferedAmount = 0;
    readyState = 0;
    onopen: (() => void) | null = null;
    onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
    onclose: ((event: { code: number }) => void) | null = null;
    onerror: (() => void) | null = null;
    #device: DeviceId | null = null;
    #ended = false;
    readonly #own = {
      send: (frame: wire.ServerFrame): void => {
        const { buffer } = new Uint8Array(encode(frame));
        queueMicrotask(() => {
          if (!this.#ended) this.onmessage?.({ data: buffer });
        });
      },
      close: (code: number): void => this.#end(code),
    };

    constructor() {
      queueMicrotask(() => {
        if (live.down) return this.#end(CLOSE_ABNORMAL);
        this.readyState = 1;
        this.onopen?.();
      });
    }

    send(data: Uint8Array): void {
      const frame = decode(data) as wire.ClientFrame;
      void live.inTurn(async () => {
        if (!this.#ended) this.#device = await live.receive(frame, this.#device, this.#own);
        // It ended while the server was still answering hello.
        if (this.#ended && this.#device !== null) live.gone(this.#device, this.#own);
      });
    }

    close(): void {
      this.#end(1000);
    }

    #end(code: number): void {
      if (this.#ended) return;
      this.#ended = true;
      this.readyState = 3;
      if (this.#device !== null) live.gone(this.#device, this.#own);
      queueMicrotask(() => this.onclose?.({ code }));
    }
  }
  return MemorySocket as unknown as WebSocketMaker;
}
