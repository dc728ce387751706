/** The posts of a unit, or the posts that a search found, beside a list of people. */
import type { Post } from "@copconnect/client/wire";

export class PostList {
  items = $state.raw<readonly Post[]>([]);
  #asked = 0;

  /**
   * Show what this gives, unless something else was asked for since; null: nothing. The list of people
   * beside it says what fails.
   */
  async ask(give: (() => Promise<readonly Post[]>) | null): Promise<void> {
    const asked = ++this.#asked;
    const found = give === null ? [] : await give().catch(() => []);
    if (asked === this.#asked) this.items = found;
  }
}
