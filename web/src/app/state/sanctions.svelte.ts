/**
 * The sanctions that moderators decided against this person. Only for saying so: the core closes conversations
 * (`barred` of each). Read where the core keeps one (most people never have one, and need not the code that
 * reads them), when the network is back, and when the core says that something is another now.
 */
import type { AppState, SanctionView } from "@copconnect/client/core";
import { core } from "../core.ts";
import { app, onCoreEvent } from "./app.svelte.ts";
import { clock } from "./clock.svelte.ts";

let all = $state.raw<readonly SanctionView[] | null>(null);
let error = $state.raw<unknown>(null);

async function load(): Promise<void> {
  try {
    all = await core().reports.sanctions();
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
  load,
};

/** Read them, and again when they may be others; returns how to stop. */
export function followSanctions(): () => void {
  /** Null: there are none. */
  let online: boolean | null = null;
  const follow = (state: AppState | null): void => {
    const now = state?.sanctioned === true ? state.connection === "online" : null;
    if (now !== null && (online === null || (now && !online))) void load();
    online = now;
  };
  follow(app.state);
  const stop = onCoreEvent((event) => {
    if (event.type === "reports") void load();
    if (event.type === "app") follow(event.state);
  });
  return () => {
    stop();
    all = null;
  };
}
