/** Nearer than this to the bottom counts as being there, in pixels. */
const BOTTOM_PX = 80;

type Scroller = Pick<HTMLElement, "scrollTop" | "scrollHeight" | "clientHeight">;

/**
 * Whether a list follows its end. Rows that grow put the end out of sight, and the list goes after it; a
 * reader who goes up leaves it. The place of the last end tells them apart.
 */
export class FollowedEnd {
  followed = $state(true);
  #at = 0;

  /**
   * Whether the end is followed still. Reads the element: a list of rows hears of a scroll only with its
   * event. Ask it before rows above the reader change. `away`: the list must not follow now.
   */
  follows(scroller: Scroller, away: boolean): boolean {
    const { scrollTop } = scroller;
    const bottom = scroller.scrollHeight - scroller.clientHeight;
    if (away) this.followed = false;
    else if (bottom - scrollTop < BOTTOM_PX) {
      this.followed = true;
      this.#at = bottom;
    } else if (scrollTop < this.#at - BOTTOM_PX) this.followed = false;
    return this.followed;
  }

  /** Scroll to the end. */
  show(scroller: Scroller): void {
    scroller.scrollTop = scroller.scrollHeight;
    this.#at = scroller.scrollTop;
  }

  /** Rows above have moved everything by so many pixels. */
  move(pixels: number): void {
    this.#at += pixels;
  }
}
