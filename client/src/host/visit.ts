/**
 * A visit of a service worker to this device's core: it joins the tabs like a page, leads if no page
 * does, and leaves when it is done, so that a page that opens meanwhile leads after it.
 */
import type { ConnectedCore } from "../core.ts";
import type { CoreListener } from "../seam.ts";
import { createCore } from "../create.ts";
import * as kems from "../hpke/kems.ts";
import { useKems } from "../hpke/loading.ts";
import { joinTabs, remoteCore, type Call, type Channel } from "./calls.ts";

const CHANNEL = "copconnect-core";

useKems(kems);

/** Use the core, hearing of its events, for as long as `work` runs. */
export async function visitCore<T>(
  work: (core: ConnectedCore) => Promise<T>,
  listener: CoreListener,
): Promise<T> {
  const channel = new BroadcastChannel(CHANNEL);
  let leave: () => void = () => undefined;
  const left = new Promise<void>((resolve) => (leave = resolve));
  const waiting: Call[] = [];
  let call = (one: Call): void => void waiting.push(one);
  const remote = remoteCore((one) => call(one));
  remote.core.subscribe(listener);
  call = joinTabs({
    locks: navigator.locks,
    channel: channel as unknown as Channel,
    createCore: (keys) => createCore({ origin: self.location.origin, keys }),
    toPage: (message) => remote.receive(message),
    left,
  });
  for (const one of waiting) call(one);
  try {
    return await work(remote.core);
  } finally {
    leave();
    // A leader's last words, such as "keys", are on their way.
    setTimeout(() => channel.close(), 1_000);
  }
}
