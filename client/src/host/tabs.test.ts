import type { ConversationId } from "../ids.ts";
import { describe, expect, it } from "vitest";
import type { ConnectedCore } from "../core.ts";
import type { CoreEvent, CoreListener } from "../seam.ts";
import { failure } from "../failure.ts";
import { remote } from "../remote.ts";
import { joinTabs, remoteCore, type Channel, type Locks, type TabCore } from "./calls.ts";
import type { HandedKeys } from "../vault/vault.ts";

/** Several tabs on one device: a lock queue and a channel as the browser gives them. */
class Device {
  private readonly queue: { hold: () => Promise<void>; tab: Tab }[] = [];
  readonly tabs: Tab[] = [];
  cores = 0;
  /** The sessions whose keys the cores were given. */
  readonly startedWith: (string | null)[] = [];
  /** Arguments of every `send` that reached a core. */
  readonly sent: unknown[][] = [];
  /** Answers of `send` wait until this is resolved. */
  gate: Promise<void> = Promise.resolve();

  open(): Tab {
    const tab = new Tab(this);
    this.tabs.push(tab);
    return tab;
  }

  request(tab: Tab, hold: () => Promise<void>): Promise<unknown> {
    this.queue.push({ hold, tab });
    if (this.queue.length === 1) this.lead();
    return new Promise(() => undefined);
  }

  /** The first of the queue leads until it lets go. */
  private lead(): void {
    const first = this.queue[0];
    void first?.hold().then(() => {
      if (this.queue[0] !== first) return;
      this.queue.shift();
      this.lead();
    });
  }

  close(tab: Tab): void {
    tab.alive = false;
    this.tabs.splice(this.tabs.indexOf(tab), 1);
    const leads = this.queue[0]?.tab === tab;
    this.queue.splice(0, this.queue.length, ...this.queue.filter((entry) => entry.tab !== tab));
    if (leads) this.lead();
  }
}

class Tab {
  alive = true;
  emit: CoreListener = () => undefined;
  /** The core of this tab, when it leads. */
  leading: TabCore | null = null;
  closed = 0;
  leave: () => void = () => undefined;
  readonly core: ConnectedCore;
  readonly events: CoreEvent[] = [];

  constructor(device: Device) {
    const channel: Channel = {
      onmessage: null,
      postMessage: (message) => {
        const data = structuredClone(message);
        for (const other of device.tabs) {
          if (other !== this && this.alive) queueMicrotask(() => other.channelReceive(data));
        }
      },
    };
    this.channelReceive = (data) => {
      if (this.alive) channel.onmessage?.({ data: data as never });
    };
    const locks: Locks = { request: (_name, hold) => device.request(this, hold) };
    const page = remoteCore((call) => {
      queueMicrotask(() => {
        post(structuredClone(call));
      });
    });
    const post = joinTabs({
      locks,
      channel,
      left: new Promise((resolve) => (this.leave = resolve)),
      toPage: (message) => {
        if (this.alive) page.receive(structuredClone(message));
      },
      createCore: (keys) => {
        device.cores += 1;
        device.startedWith.push(keys?.session ?? null);
        this.leading = {
          onKeys: () => undefined,
          close: async () => {
            this.closed += 1;
          },
          subscribe: (listener: CoreListener) => {
            this.emit = listener;
            return () => undefined;
          },
          messages: remote(async (_, args) => {
            device.sent.push([...args]);
            await device.gate;
            return { messageId: args[3] };
          }),
          app: remote(() => Promise.reject(failure("pin_wrong", { details: { triesLeft: 3 } }))),
        } as unknown as TabCore;
        return this.leading;
      },
    });
    this.core = page.core;
    this.core.subscribe((event) => this.events.push(event));
  }

  channelReceive: (data: unknown) => void;
}

const text = { kind: "text", text: "Vehicle check at the junction", mentions: [] } as const;

const CHAT = "c" as ConversationId;

describe("tabs", () => {
  it("runs one core for two tabs, and both are answered", async () => {
    const device = new Device();
    const [first, second] = [device.open(), device.open()];
    await first.core.messages.send(CHAT, text, null);
    await second.core.messages.send(CHAT, text, null);
    expect(device.cores).toBe(1);
    expect(device.sent).toHaveLength(2);
  });

  it("lets the next tab lead when one leaves, and closes its core", async () => {
    const device = new Device();
    const [first, second, third] = [device.open(), device.open(), device.open()];
    await second.core.messages.send(CHAT, text, null);
    third.leave();
    first.leave();
    await new Promise((resolve) => setTimeout(resolve));
    expect([first.closed, device.cores]).toEqual([1, 2]);
    await second.core.messages.send(CHAT, text, null);
    second.leave();
    await new Promise((resolve) => setTimeout(resolve));
    // The third left while it waited: it starts no core any more.
    expect([second.closed, device.cores]).toEqual([1, 2]);
  });

  it("gives events to every tab", async () => {
    const device = new Device();
    const [first, second] = [device.open(), device.open()];
    first.emit({ type: "clients" });
    await new Promise((resolve) => setTimeout(resolve));
    expect(first.events).toEqual([{ type: "clients" }]);
    expect(second.events).toEqual([{ type: "clients" }]);
  });

  it("repeats an open call with the same message id when the leading tab closes", async () => {
    const device = new Device();
    const [first, second] = [device.open(), device.open()];
    device.gate = new Promise(() => undefined);
    const answer = second.core.messages.send(CHAT, text, null);
    await new Promise((resolve) => setTimeout(resolve));
    expect(device.sent).toHaveLength(1);
    device.gate = Promise.resolve();
    device.close(first);
    await answer;
    expect(device.cores).toBe(2);
    expect(device.sent).toHaveLength(2);
    expect(device.sent[1]?.[3]).toBe(device.sent[0]?.[3]);
    expect(device.sent[0]?.[3]).toMatch(/^[0-9a-f]{32}$/);
  });

  it("repeats a call whose core was closed under it when the leader leaves", async () => {
    const device = new Device();
    const [first, second] = [device.open(), device.open()];
    let closed: () => void = () => undefined;
    device.gate = new Promise((_, reject) => (closed = () => reject(new Error("closed"))));
    const answer = second.core.messages.send(CHAT, text, null);
    await new Promise((resolve) => setTimeout(resolve));
    device.gate = Promise.resolve();
    first.leave();
    closed();
    await answer;
    expect(device.sent).toHaveLength(2);
  });

  it("answers a third tab when leadership changes twice", async () => {
    const device = new Device();
    const [first, second, third] = [device.open(), device.open(), device.open()];
    device.gate = new Promise(() => undefined);
    const answer = third.core.messages.send(CHAT, text, null);
    await new Promise((resolve) => setTimeout(resolve));
    device.close(first);
    await new Promise((resolve) => setTimeout(resolve));
    device.gate = Promise.resolve();
    device.close(second);
    await expect(answer).resolves.toBeDefined();
  });

  it("rejects with the code and details of the core's failure", async () => {
    const device = new Device();
    const [, second] = [device.open(), device.open()];
    await expect(second.core.app.unlock("0000")).rejects.toMatchObject({
      code: "pin_wrong",
      details: { triesLeft: 3 },
    });
  });

  it("hands the keys of an unlock to whoever leads next, and drops them when the app locks", async () => {
    const device = new Device();
    const [first, second] = [device.open(), device.open()];
    const settle = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve));
    const usage = ["encrypt"] as const;
    const data = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, usage);
    const keys: HandedKeys = { session: "one", keys: { data, names: data } };
    first.leading?.onKeys(keys);
    await settle();
    const third = device.open();
    await settle();
    device.close(first);
    await settle();
    second.leading?.onKeys(keys);
    await settle();
    device.close(second);
    await settle();
    expect(device.startedWith).toEqual([null, "one", "one"]);
    device.open();
    third.leading?.onKeys(keys);
    await settle();
    third.leading?.onKeys(null);
    await settle();
    device.close(third);
    expect(device.startedWith).toEqual([null, "one", "one", null]);
  });
});
