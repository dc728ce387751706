/** The page of `bench suites`: it starts the worker as client/src/host/connect.ts starts the app's. */
const worker = new Worker(new URL("../../client/bench/suites/worker.ts", import.meta.url), {
  type: "module",
  name: "copconnect-core",
});
await new Promise((resolve) => {
  worker.onmessage = resolve;
});
document.title = "ready";
