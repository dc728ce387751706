/**
 * Files that come without a tap while their part is near the screen: one after another, and large ones in a
 * separate line, so that a voice note waits for no video. Whether a file is still wanted is asked when
 * its turn comes: by then its part may be gone, or the network another.
 */
import type { AttachmentId } from "@copconnect/client/wire";
import type { AttachmentView } from "@copconnect/client/core";

type WantedFile = Pick<AttachmentView, "attachmentId" | "sha256" | "size" | "local">;

const LARGE = 5_000_000;

export class NearFiles {
  /** Resolves to whether the file needs no further fetch: it is here, or its person has cancelled it. */
  readonly #fetch: (file: WantedFile) => Promise<boolean>;
  /** Files that wait for their turn, and whether their newest part still wants them. */
  readonly #waiting = new Map<AttachmentId, () => boolean>();
  /** Files that are coming, are here, or were cancelled: these wait for a tap. */
  readonly #done = new Set<AttachmentId>();
  readonly #lines: Record<"small" | "large", Promise<unknown>> = {
    small: Promise.resolve(),
    large: Promise.resolve(),
  };

  constructor(fetch: (file: WantedFile) => Promise<boolean>) {
    this.#fetch = fetch;
  }

  /** A part near the screen shows a file. `wanted`: asked again when its turn comes. */
  want(file: WantedFile, wanted: () => boolean): void {
    const { attachmentId, local, size } = file;
    if (local || !wanted() || this.#done.has(attachmentId)) return;
    const waits = this.#waiting.has(attachmentId);
    this.#waiting.set(attachmentId, wanted);
    if (waits) return;
    const line = size > LARGE ? "large" : "small";
    this.#lines[line] = this.#lines[line].then(() => this.#turn(file));
  }

  async #turn(file: WantedFile): Promise<void> {
    const { attachmentId } = file;
    const wanted = this.#waiting.get(attachmentId)?.() === true;
    this.#waiting.delete(attachmentId);
    if (!wanted) return;
    this.#done.add(attachmentId);
    if (!(await this.#fetch(file))) this.#done.delete(attachmentId);
  }
}
