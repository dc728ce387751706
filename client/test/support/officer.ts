/** A person with a device in a test: a real core under Node, with a server in memory or a real one. */
import "fake-indexeddb/auto";
import { newId } from "#core/ids.ts";
import type { ConversationId, DeviceId, MessageId, PersonId } from "#core/ids.ts";
import { WebSocket } from "ws";
import type { AppState, ConversationItem, CoreEvent, MessageItem } from "#core/core.ts";
import { createCore, type CoreOptions, type LocalCore } from "#core/create.ts";
import type { Fetch } from "#core/transport/http.ts";
import type { WebSocketMaker } from "#core/transport/socket.ts";
import { numberOf } from "./people.ts";

/** An officer's view of a server: the real one (server.ts) or one in memory (memory/server.ts). */
export interface OfficersServer {
  readonly origin: string;
  /** The way to the server; absent: the machine's own network. */
  readonly fetch?: Fetch;
  readonly WebSocket?: WebSocketMaker;
  codeFor(number: string): Promise<string>;
  /** The server's own story, for a test that has failed. */
  story(): string;
}

/** Each look decrypts what the core shows: a test that waits for long looks less often, a fifth late at most. */
const FIRST_PAUSE_MS = 15;
const LAST_PAUSE_MS = 1_000;

export class Officer {
  readonly vaultName: string;
  readonly #server: OfficersServer;
  readonly #options: Partial<CoreOptions>;
  core: LocalCore;
  /** The person's id, known once registered; also while the core is closed. */
  person = "" as PersonId;
  events: CoreEvent[] = [];

  constructor(server: OfficersServer, options: Partial<CoreOptions> = {}) {
    this.#server = server;
    this.#options = options;
    this.vaultName = options.vaultName ?? `test-${newId()}`;
    this.core = this.#open();
  }

  #open(more: Partial<CoreOptions> = {}): LocalCore {
    const core = createCore({
      origin: this.#server.origin,
      vaultName: this.vaultName,
      WebSocket: this.#server.WebSocket ?? (WebSocket as unknown as WebSocketMaker),
      ...(this.#server.fetch === undefined ? {} : { fetch: this.#server.fetch }),
      ...this.#options,
      ...more,
    });
    core.subscribe((event) => this.events.push(event));
    return core;
  }

  /** Register the person with this index in the data bank and accept the code of conduct. */
  static async register(
    server: OfficersServer,
    index: number,
    options: Partial<CoreOptions> = {},
  ): Promise<Officer> {
    const officer = new Officer(server, options);
    const { core } = officer;
    await core.app.start();
    const number = numberOf(index);
    const { challengeId } = await core.registration.requestCode(number, "en");
    const step = await core.registration.submitCode(challengeId, await server.codeFor(number));
    await core.app.register(step.ticket, `Phone of ${String(index)}`);
    const { version } = await core.conduct.code("en");
    await core.app.acceptConduct(version, "en");
    officer.person = (await core.app.state()).me?.personId ?? officer.person;
    await officer.until("online", async () => (await core.app.state()).connection === "online");
    return officer;
  }

  get personId(): PersonId {
    return this.person;
  }

  /** The id of this device, as records write it. */
  async device(): Promise<DeviceId> {
    const { clientId } = await this.core.app.state();
    const own = (await this.core.devices.own()).find((one) => one.clientId === clientId);
    if (own === undefined) throw new Error("this device is unknown");
    return own.device;
  }

  /** As a browser that is closed and opened again. */
  async restart(more: Partial<CoreOptions> = {}): Promise<AppState> {
    await this.core.close();
    this.core = this.#open(more);
    return this.core.app.start();
  }

  close(): Promise<void> {
    return this.core.close();
  }

  /** The network is cut and comes back: a core that waits before its next try does so no longer. */
  async reconnect(): Promise<void> {
    await this.core.app.networkChanged(false);
    await this.core.app.networkChanged(true);
  }

  /** Wait until a condition holds; fails with its name. */
  async until<T>(
    what: string,
    condition: () => Promise<T | false | null | undefined>,
    timeoutMs = 20_000,
  ): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.2, LAST_PAUSE_MS)) {
      const found = await condition();
      if (found !== false && found !== null && found !== undefined) return found;
      if (Date.now() > deadline) {
        const list = await this.core.conversations.list().catch((error: unknown) => String(error));
        throw new Error(`never: ${what}; ${JSON.stringify(list)} ${this.#server.story()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  ready(conversationId: ConversationId): Promise<ConversationItem> {
    return this.until("conversation ready", async () => {
      const list = await this.core.conversations.list();
      return list.find((item) => item.conversationId === conversationId && item.state === "ready");
    });
  }

  /** A message as this officer's list shows it, of a conversation with few. */
  async message(
    conversationId: ConversationId,
    messageId: MessageId,
  ): Promise<MessageItem | undefined> {
    const { messages } = await this.core.messages.page(conversationId, null, 200);
    return messages.find((one) => one.messageId === messageId);
  }

  /** Wait until the list shows a message with a body of this kind. */
  sees(
    conversationId: ConversationId,
    messageId: MessageId,
    kind: MessageItem["body"]["kind"],
  ): Promise<MessageItem> {
    return this.until(kind, async () => {
      const item = await this.message(conversationId, messageId);
      return item?.body.kind === kind && item;
    });
  }

  /** Wait until the list shows a message that the server has accepted. */
  accepted(conversationId: ConversationId, messageId: MessageId): Promise<MessageItem> {
    return this.until("in its log", async () => {
      const item = await this.message(conversationId, messageId);
      return item !== undefined && item.seq !== null && item;
    });
  }

  text(conversationId: ConversationId, text: string): Promise<MessageItem> {
    return this.core.messages.send(conversationId, { kind: "text", text, mentions: [] }, null);
  }

  /** Texts of a conversation in order, oldest first. */
  async texts(conversationId: ConversationId, limit = 200): Promise<readonly string[]> {
    const page = await this.core.messages.page(conversationId, null, limit).catch(() => null);
    return (page?.messages ?? [])
      .map(({ body }) => (body.kind === "text" ? body.text : null))
      .filter((text) => text !== null);
  }

  async receives(conversationId: ConversationId, text: string, timeoutMs = 20_000): Promise<void> {
    await this.until(
      `receives ${text}`,
      async () => (await this.texts(conversationId)).includes(text),
      timeoutMs,
    );
  }

  async status(messageId: MessageId, conversationId: ConversationId): Promise<string | null> {
    return (await this.message(conversationId, messageId))?.status ?? null;
  }
}
