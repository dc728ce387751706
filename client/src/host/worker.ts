/** The worker's entry: this tab's place among the tabs, and the core if it leads. */
import { createCore } from "../create.ts";
import { joinTabs, type Call, type Channel } from "./calls.ts";

const call = joinTabs({
  locks: navigator.locks,
  channel: new BroadcastChannel("copconnect-core") as unknown as Channel,
  createCore: (keys) => {
    const core = createCore({ origin: self.location.origin, keys, indexes: true });
    // A tab that takes over was started by its page long ago: nobody calls `start` again.
    core.app.start().catch(() => undefined);
    return core;
  },
  toPage: (message) => {
    self.postMessage(message);
  },
});

self.onmessage = (event: MessageEvent<Call>) => {
  call(event.data);
};
