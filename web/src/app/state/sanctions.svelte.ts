/**
 * The sanctions that moderators decided against this person. Only for saying so: rosters and the server decide where
 * this person may post. Read when the app opens, when the network is back, and when the core says that
 * something is another now.
 */
import type { ConversationItem, SanctionView } from "@copconnect/client/core";
import { core } from "../core.ts";
import { app, onCoreEvent } from "./app.svelte.ts";
import { clock } from "./clock.svelte.ts";

let all = $state.raw<readonly SanctionView[] | null>(null);
let error = $state.raw<unknown>(null);
let online = false;
/** Members from which on a group is large, as the guard's policy says. */
let largeFrom = $state(Infinity);

async function load(): Promise<void> {
  try {
    const held = await core().reports("sanctions");
    if (held.some((one) => one.kind === "muted" && !one.over))
      largeFrom = (await core().guard()).policy?.largeFrom ?? Infinity;
    all = held;
    error = null;
  } catch (thrown) {
    error = thrown;
  }
}

/** In force by this device's clock. A warning is over when its person has read it. */
function inForce(one: SanctionView): boolean {
  if (one.over) return false;
  return one.kind === "warning" ? !one.acknowledged : one.untilMs > clock.now;
}

const STRICTEST = ["suspended", "muted", "warning"] as const;

/** The one of the strictest kind that lasts longest; null: there is none. */
export function strictest(held: readonly SanctionView[]): SanctionView | null {
  for (const kind of STRICTEST) {
    const found = held.filter((one) => one.kind === kind);
    if (found.length > 0) return found.reduce((a, b) => (b.untilMs > a.untilMs ? b : a));
  }
  return null;
}

/** Those of the sanctions that close a conversation; `large`: members from which on it is large. */
export function closing(
  held: readonly SanctionView[],
  { kind, whoMayPost, members }: Pick<ConversationItem, "kind" | "whoMayPost" | "members">,
  large: number,
): readonly SanctionView[] {
  if (kind === "direct") return [];
  const wide = kind === "announcement" || whoMayPost === "admins" || members >= large;
  return held.filter((one) => one.kind === "suspended" || (one.kind === "muted" && wide));
}

const held = $derived((all ?? []).filter(inForce));
const pressing = $derived(strictest(held));

export const sanctions = {
  /** Null until they were read. */
  get all(): readonly SanctionView[] | null {
    return all;
  },
  get error(): unknown {
    return error;
  },
  /** The strictest one in force; null: there is none. */
  get pressing(): SanctionView | null {
    return pressing;
  },
  inForce,
  /** The sanction for which this person cannot post where they could otherwise. */
  closing(item: ConversationItem): SanctionView | null {
    if (item.whoMayPost === "admins" && !item.admin) return null;
    return strictest(closing(held, item, largeFrom));
  },
  load,
};

/** Read them, and again when they may be others; returns how to stop. */
export function followSanctions(): () => void {
  online = app.state?.connection === "online";
  void load();
  const stop = onCoreEvent((event) => {
    if (event.type === "reports") void load();
    if (event.type !== "app") return;
    const now = event.state.connection === "online";
    if (now && !online) void load();
    online = now;
  });
  return () => {
    stop();
    all = null;
  };
}
