/**
 * Calls of a device's pages on its one core, and the core's events.
 *
 * A page's call crosses to the tab's worker as a numbered message ({@link remoteCore}). Every tab runs a
 * worker ({@link joinTabs}); the worker that holds the Web Lock leads: it alone opens the vault and runs
 * the core. The others pass their page's calls over a BroadcastChannel and hand events back. When the
 * leading tab closes, the browser gives the lock to another tab's worker. That worker starts the core,
 * answers the open calls of its page and asks the other workers to repeat theirs. Two cores can
 * never run on one vault, because the browser keeps the lock until the worker is gone.
 *
 * Invariants: a call is answered once; a call that is repeated with the same number is safe,
 * because {@link withIds} gives every call that makes something the id of what it makes; errors
 * cross as plain {@link CoreError}s and reject as {@link CoreFailure}s.
 *
 * With an app lock the leader gives the others the keys of the unlock, which no script can read
 * out, to hold in memory: a page that closes has no time to hand anything over, and its follower
 * must not ask for the PIN again. They are dropped when the app locks, and worthless then (vault.ts).
 */
import type { ConnectedCore, Core } from "../core.ts";
import type { LocalCore } from "../create.ts";
import type { CoreError, CoreEvent, CoreListener } from "../seam.ts";
import { asFailure } from "../as-failure.ts";
import { CoreFailure } from "../failure.ts";
import { newId } from "../ids.ts";
import { randomBytes, toHex } from "../octets.ts";
import { callByName, remote } from "../remote.ts";
import type { HandedKeys } from "../vault/vault.ts";

export interface Call {
  readonly type: "call";
  readonly number: number;
  /** The name of one of the core's objects. */
  readonly object: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type CallResult =
  | { readonly type: "answer"; readonly number: number; readonly value: unknown }
  | { readonly type: "failure"; readonly number: number; readonly error: CoreError };

export interface Happened {
  readonly type: "event";
  readonly event: CoreEvent;
}

// --- The page ---------------------------------------------------------------------------------

/** Arguments with an id for what the call makes, so that repeating it makes nothing twice. */
function withIds(object: string, method: string, args: readonly unknown[]): readonly unknown[] {
  switch (`${object}.${method}`) {
    case "messages.send":
      return [args[0], args[1], args[2] ?? null, args[3] ?? newId(), ...args.slice(4)];
    case "forwarding.forward":
      return [args[0], args[1], args[2], args[3] ?? newId()];
    case "conversations.createGroup":
      return [{ conversationId: newId(), ...(args[0] as object) }];
    case "admin.perform":
      return [args[0], args[1] ?? newId()];
    default:
      return args;
  }
}

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: CoreFailure) => void;
}

/** The page's side: a core whose calls go out through `post` and come back through `receive`. */
export function remoteCore(post: (call: Call) => void): {
  readonly core: ConnectedCore;
  readonly receive: (message: CallResult | Happened) => void;
  /** Reject everything that waits: the worker died. */
  readonly fail: (error: CoreFailure) => void;
} {
  const waiting = new Map<number, PendingCall>();
  const listeners = new Set<CoreListener>();
  let numbers = 0;

  const call = (object: string, method: string, args: readonly unknown[]) =>
    new Promise<unknown>((resolve, reject) => {
      const number = ++numbers;
      waiting.set(number, { resolve, reject });
      try {
        post({ type: "call", number, object, method, args: withIds(object, method, args) });
      } catch (error) {
        waiting.delete(number);
        reject(asFailure(error));
      }
    });
  const subscribe: ConnectedCore["subscribe"] = (listener) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const objects = new Proxy(
    { subscribe },
    {
      get: (own, name) =>
        // A promise that resolves with the core must not take it for another promise.
        name in own || typeof name === "symbol" || name === "then"
          ? Reflect.get(own, name)
          : remote((method, args) => call(name, method, args)),
    },
  );

  return {
    core: objects as ConnectedCore,
    receive(message) {
      if (message.type === "event") {
        for (const listener of listeners) listener(message.event);
        return;
      }
      const caller = waiting.get(message.number);
      waiting.delete(message.number);
      if (message.type === "answer") caller?.resolve(message.value);
      else caller?.reject(new CoreFailure(message.error.code, message.error));
    },
    fail(error) {
      for (const caller of waiting.values()) caller.reject(error);
      waiting.clear();
    },
  };
}

// --- The worker -------------------------------------------------------------------------------

const NAME = "copconnect-core";

type Broadcast =
  | { readonly type: "joined" }
  | { readonly type: "leading" }
  | { readonly type: "keys"; readonly keys: HandedKeys | null }
  | { readonly type: "ask"; readonly tab: string; readonly call: Call }
  | { readonly type: "tell"; readonly tab: string; readonly answer: CallResult }
  | Happened;

/** The part of LockManager that is used; a test passes its own. */
export interface Locks {
  request(name: string, hold: () => Promise<void>): Promise<unknown>;
}

export interface Channel {
  postMessage(message: Broadcast): void;
  onmessage: ((event: { readonly data: Broadcast }) => void) | null;
}

export interface TabOptions {
  readonly locks: Locks;
  readonly channel: Channel;
  readonly createCore: (keys: HandedKeys | null) => TabCore;
  /** To this tab's page. */
  readonly toPage: (message: CallResult | Happened) => void;
  /** Resolves when this tab leaves before its worker goes: another tab leads then. */
  readonly left?: Promise<void>;
}

export type TabCore = Pick<LocalCore, "onKeys" | "close"> & ConnectedCore;

/** Run a call on a core; never rejects. */
export async function perform(core: Core, call: Call): Promise<CallResult> {
  try {
    const value = await callByName(core, call.object, call.method, call.args);
    return { type: "answer", number: call.number, value };
  } catch (error) {
    return { type: "failure", number: call.number, error: asFailure(error).plain() };
  }
}

/** Join the tabs; returns what takes this page's calls. */
export function joinTabs(options: TabOptions): (call: Call) => void {
  const { channel, toPage } = options;
  const tab = toHex(randomBytes(16));
  const open = new Map<number, Call>();
  let gone = false;
  const left = (options.left ?? new Promise<void>(() => undefined)).then(() => {
    gone = true;
  });
  // Calls of other tabs that this leader has taken: a repeated one is already being answered.
  const taken = new Set<string>();
  let core: ConnectedCore | null = null;
  let keys: HandedKeys | null = null;

  const giveKeys = (): void => {
    try {
      channel.postMessage({ type: "keys", keys });
    } catch {
      // A browser that cannot pass keys on: the next leader asks for the PIN.
    }
  };

  const answerPage = (answer: CallResult): void => {
    if (open.delete(answer.number)) toPage(answer);
  };

  /** Null: the core was closed under the call; the next leader performs it. */
  const performBy = async (leading: ConnectedCore, call: Call): Promise<CallResult | null> => {
    const answer = await perform(leading, call);
    return answer.type === "failure" && core !== leading ? null : answer;
  };

  const performHere = async (leading: ConnectedCore, call: Call): Promise<void> => {
    const answer = await performBy(leading, call);
    if (answer !== null) answerPage(answer);
  };

  const performFor = async (leading: ConnectedCore, asker: string, call: Call): Promise<void> => {
    const key = `${asker}/${String(call.number)}`;
    if (taken.has(key)) return;
    taken.add(key);
    const answer = await performBy(leading, call);
    if (answer !== null) channel.postMessage({ type: "tell", tab: asker, answer });
  };

  channel.onmessage = ({ data }) => {
    if (data.type === "ask") {
      if (core !== null) void performFor(core, data.tab, data.call);
    } else if (data.type === "tell") {
      if (data.tab === tab) answerPage(data.answer);
    } else if (data.type === "joined") {
      if (core !== null && keys !== null) giveKeys();
    } else if (data.type === "keys") {
      if (core === null) keys = data.keys;
    } else if (data.type === "leading") {
      for (const call of open.values()) channel.postMessage({ type: "ask", tab, call });
    } else {
      toPage(data);
    }
  };

  void options.locks.request(NAME, async () => {
    if (gone) return;
    const leading = options.createCore(keys);
    core = leading;
    leading.onKeys = (used) => {
      keys = used;
      giveKeys();
    };
    leading.subscribe((event) => {
      toPage({ type: "event", event });
      channel.postMessage({ type: "event", event });
    });
    for (const call of open.values()) void performHere(leading, call);
    channel.postMessage({ type: "leading" });
    // Held until the worker is gone, or leaves.
    await left;
    core = null;
    await leading.close();
  });

  channel.postMessage({ type: "joined" });

  return (call) => {
    open.set(call.number, call);
    if (core !== null) void performHere(core, call);
    else channel.postMessage({ type: "ask", tab, call });
  };
}
