/**
 * One core for all tabs of a device.
 *
 * Every tab runs a worker; the worker that holds the Web Lock leads: it alone opens the vault and
 * runs the core. The others pass their page's calls over a BroadcastChannel and hand events back.
 * When the leading tab goes, its lock falls to another worker, which starts the core, answers its
 * own page's open calls and asks the others to repeat theirs. A repeated call is safe (rpc.ts).
 *
 * With an app lock the leader gives the others the keys of the unlock, which no script can read
 * out, to hold in memory: a page that closes has no time to hand anything over, and its follower
 * must not ask for the PIN again. They are dropped when the app locks, and worthless then (vault.ts).
 *
 * Two cores can never run on one vault: the lock is the browser's, held until the worker is gone.
 */
import type { ConnectedCore } from "../core.ts";
import type { LocalCore } from "../create.ts";
import { randomBytes, toHex } from "../octets.ts";
import { perform, type CallResult, type Call, type Happened } from "./rpc.ts";
import type { HandedKeys } from "../vault/vault.ts";

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
