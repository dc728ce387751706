/**
 * Object URLs for plaintext, shared between the parts that show them and given back.
 *
 * Invariant: a URL lives while somebody holds it, and a short while longer so that scrolling back
 * does not read the file again; at most KEEP unused ones are kept. `drop` revokes everything (the
 * app lock closes, the person signs out): no plaintext stays reachable behind a lock screen.
 */
import type { AttachmentId } from "@copconnect/client/wire";

const KEEP = 24;

interface ObjectUrl {
  readonly url: Promise<string>;
  /** The hash that the file was compared with; null: none. */
  readonly sha256: string | null;
  holders: number;
}

export class ObjectUrls {
  readonly #held = new Map<AttachmentId, ObjectUrl>();

  /**
   * The URL for an attachment, read by `load` if nobody has. Pair with `release`. `sha256`: what `load`
   * compares the file with; two messages may state two hashes of one file.
   */
  async acquire(
    id: AttachmentId,
    load: () => Promise<Blob>,
    sha256: string | null = null,
  ): Promise<string> {
    const found = this.#held.get(id);
    if (found !== undefined && sha256 !== null && found.sha256 !== sha256) await load();
    const known = this.#held.get(id);
    if (known !== undefined) {
      known.holders += 1;
      // Most recently used last.
      this.#held.delete(id);
      this.#held.set(id, known);
      return known.url;
    }
    const url = load().then((blob) => URL.createObjectURL(blob));
    const held: ObjectUrl = { url, sha256, holders: 1 };
    this.#held.set(id, held);
    // A failed read is forgotten, so that a retry reads again.
    held.url.catch(() => {
      if (this.#held.get(id) === held) this.#held.delete(id);
    });
    return held.url;
  }

  release(id: AttachmentId): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.holders = Math.max(0, held.holders - 1);
    const idle = [...this.#held].filter(([, entry]) => entry.holders === 0);
    for (const [idleId, entry] of idle.slice(0, Math.max(0, idle.length - KEEP))) {
      this.#held.delete(idleId);
      revoke(entry);
    }
  }

  /** Revoke the URL of a file that is gone, also while it is held. */
  revoke(id: AttachmentId): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    revoke(held);
  }

  /** Revoke everything at once. */
  drop(): void {
    for (const entry of this.#held.values()) revoke(entry);
    this.#held.clear();
  }

  get size(): number {
    return this.#held.size;
  }
}

function revoke(held: ObjectUrl): void {
  held.url.then(
    (url) => URL.revokeObjectURL(url),
    () => undefined,
  );
}

export const objectUrls = new ObjectUrls();
