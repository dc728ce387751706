/** The page's entry: start the worker and talk to the core through it. */
import type { ConnectedCore } from "../core.ts";
import { failure } from "../failure.ts";
import { remoteCore, type CallResult, type Happened } from "./calls.ts";

/** Start this tab's worker. Calls reject with `internal` if the worker cannot run. */
export function connectCore(): ConnectedCore {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    type: "module",
    name: "copconnect-core",
  });
  const remote = remoteCore((call) => {
    worker.postMessage(call);
  });
  worker.onmessage = (event: MessageEvent<CallResult | Happened>) => {
    remote.receive(event.data);
  };
  worker.onerror = (event) => {
    remote.fail(failure("internal", { cause: event.message }));
  };
  return remote.core;
}
