/**
 * A device that dies at a certain write to its storage or at a certain request, and comes back as a
 * phone does: unwritten rows are gone, requests under way were sent or not.
 */
import { IDBObjectStore } from "fake-indexeddb";
import type { Network } from "../support/network.ts";

/** The point where the device dies: counted from when the device is watched. */
export interface Point {
  readonly kind: "write" | "request";
  /** From 1. */
  readonly at: number;
  /** The write or request itself still happens. */
  readonly after: boolean;
}

interface Counts {
  readonly writes: number;
  readonly requests: number;
}

type Step = "put" | "delete";

export class Crash {
  readonly #vaultName: string;
  readonly #network: Network;
  readonly #point: Point | null;
  readonly #original = {
    put: IDBObjectStore.prototype.put,
    delete: IDBObjectStore.prototype.delete,
  };
  #writes = 0;
  #requests = 0;
  /** Nothing the device does reaches anything any more. */
  dead = false;
  died = false;

  /** Watches the device with this vault and network; null: it only counts. */
  constructor(vaultName: string, network: Network, point: Point | null) {
    this.#vaultName = vaultName;
    this.#network = network;
    this.#point = point;
    this.#watch("put");
    this.#watch("delete");
    network.dies = () => this.#request();
  }

  get counts(): Counts {
    return { writes: this.#writes, requests: this.#requests };
  }

  /** The device may start over. */
  revive(): void {
    this.dead = false;
  }

  end(): void {
    IDBObjectStore.prototype.put = this.#original.put;
    IDBObjectStore.prototype.delete = this.#original.delete;
    this.#network.dies = null;
  }

  #watch(step: Step): void {
    const original = this.#original[step] as (this: IDBObjectStore, ...values: unknown[]) => never;
    const crash = this as Crash;
    const watched = function (this: IDBObjectStore, ...values: unknown[]): IDBRequest {
      if (this.transaction.db.name === crash.#vaultName) crash.#write();
      return original.apply(this, values);
    };
    Object.assign(IDBObjectStore.prototype, { [step]: watched });
  }

  /** A write that does not happen takes its transaction with it. */
  #write(): void {
    if (this.dead) throw new DOMException("the device is gone", "AbortError");
    this.#writes += 1;
    const point = this.#point;
    if (this.died || point?.kind !== "write" || point.at !== this.#writes) return;
    this.dead = this.died = true;
    if (!point.after) throw new DOMException("the device is gone", "AbortError");
  }

  #request(): "before" | "after" | null {
    if (this.dead) return "before";
    this.#requests += 1;
    const point = this.#point;
    if (this.died || point?.kind !== "request" || point.at !== this.#requests) return null;
    this.dead = this.died = true;
    return point.after ? "after" : "before";
  }
}
