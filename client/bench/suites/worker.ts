/**
 * The worker of `bench suites`: the core's own modules, built and started as the app's worker is.
 * `bench suites` (Python) calls what it leaves in the global scope.
 */
import { decode } from "@msgpack/msgpack";
import { Handshakes, type Figures } from "./handshakes.ts";
import { allow, type GrownCell } from "./grown-cell.ts";
import { Sealing } from "./sealing.ts";

const LOOP = 15_000_000;
const ITERATIONS = 200_000;

let ready: { readonly handshakes: Handshakes; readonly sealing: Sealing } | null = null;

/** Fetch a cell, and make the keys of all cells of a force of `devices`. */
async function prepare(url: string, devices: number): Promise<void> {
  const cell = decode(new Uint8Array(await (await fetch(url)).arrayBuffer())) as GrownCell;
  // With the newcomer, who is let in while the one that is removed is still there.
  allow(cell.suite, cell.size + 1);
  ready = {
    handshakes: new Handshakes(cell),
    sealing: await Sealing.prepare(cell.suite, Math.ceil(devices / cell.size)),
  };
}

async function measure(rounds: number): Promise<Figures> {
  if (ready === null) throw new Error("prepare first");
  return { ...(await ready.handshakes.measure(rounds)), ...(await ready.sealing.measure(rounds)) };
}

/** The same work each time, in this thread or in one of WebCrypto's: how long it takes, in ms. */
async function calibrate(kind: "script" | "webCrypto"): Promise<number> {
  const salt = new Uint8Array(16);
  const usage: KeyUsage[] = ["deriveBits"];
  const key = await crypto.subtle.importKey("raw", salt, "PBKDF2", false, usage);
  const began = performance.now();
  if (kind === "script") {
    let x = 1;
    for (let i = 0; i < LOOP; i++) x = (x * 31 + i) | 0;
    if (x === 0) throw new Error("the loop must not be left out");
  } else {
    const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: ITERATIONS };
    await crypto.subtle.deriveBits(how, key, 256);
  }
  return performance.now() - began;
}

Object.assign(globalThis, { suites: { prepare, measure, calibrate } });
self.postMessage("ready");
