/**
 * Presses on a message. A tap of a finger, or a mouse's second button, asks for its menu; a finger that
 * rests chooses it; a finger that pulls it to the side answers it. While messages are being chosen,
 * every press chooses.
 */
import { language } from "#i18n/index.svelte.ts";

/** A finger that rests so long chooses the message. */
const HOLD_MS = 450;
/** A finger that moves farther scrolls. */
const MOVED_PX = 10;
/** So far a finger pulls a message to answer it. */
const REPLY_PX = 64;
/** Parts that a finger drags or rests on for themselves. */
const DRAGGED = "dialog, input, textarea, select, video, audio, label, [role='slider']";
/** Parts of a message with their own act. */
const ACTS = `${DRAGGED}, a, button`;
/** Parts that keep the browser's own menu; for a mouse, pictures too. */
const BROWSERS = "dialog, a, video, audio";

export interface Pressed {
  readonly choosing: () => boolean;
  readonly onmenu: (point: { readonly x: number; readonly y: number } | null) => void;
  readonly onchoose: () => void;
  readonly onreply: () => void;
}

const on = (event: Event, parts: string): boolean =>
  event.target instanceof Element && event.target.closest(parts) !== null;

export class Touch {
  /** Pixels by which the message is drawn aside. */
  pulled = $state(0);
  readonly #pressed: Pressed;
  #holding: ReturnType<typeof setTimeout> | undefined;
  #down = { touch: false, drags: false, x: 0, y: 0 };
  /** The press has done something: lifting the finger is not another tap. */
  #held = false;

  constructor(pressed: Pressed) {
    this.#pressed = pressed;
  }

  down(event: PointerEvent): void {
    this.#held = false;
    const touch = event.pointerType !== "mouse";
    const drags = touch && !on(event, DRAGGED);
    this.#down = { touch, drags, x: event.clientX, y: event.clientY };
    this.cancel();
    if (!drags || on(event, "a")) return;
    this.#holding = setTimeout(() => {
      this.#held = true;
      this.#pressed.onchoose();
    }, HOLD_MS);
  }

  move(event: PointerEvent): void {
    const [x, y] = [event.clientX - this.#down.x, event.clientY - this.#down.y];
    if (Math.hypot(x, y) <= MOVED_PX) return;
    clearTimeout(this.#holding);
    if (!this.#down.drags || this.#held || this.#pressed.choosing()) return;
    const side = language.direction === "rtl" ? -1 : 1;
    const aside = Math.abs(y) > Math.abs(x) ? 0 : Math.min(REPLY_PX, Math.max(0, x * side));
    this.pulled = aside * side;
  }

  up(): void {
    const answers = Math.abs(this.pulled) >= REPLY_PX;
    this.cancel();
    if (!answers) return;
    this.#held = true;
    this.#pressed.onreply();
  }

  cancel(): void {
    clearTimeout(this.#holding);
    this.pulled = 0;
  }

  /** Before anything in the message hears of the press. */
  capture(event: MouseEvent): void {
    if (!this.#pressed.choosing()) return;
    event.preventDefault();
    event.stopPropagation();
    if (!this.#held) this.#pressed.onchoose();
  }

  click(event: MouseEvent): void {
    if (!this.#down.touch || this.#held || on(event, ACTS)) return;
    this.#pressed.onmenu({ x: event.clientX, y: event.clientY });
  }

  menu(event: MouseEvent): void {
    if (on(event, this.#down.touch ? BROWSERS : `${BROWSERS}, img`)) return;
    event.preventDefault();
    clearTimeout(this.#holding);
    if (this.#held) return;
    this.#held = this.#down.touch;
    if (this.#down.touch) this.#pressed.onchoose();
    else this.#pressed.onmenu({ x: event.clientX, y: event.clientY });
  }

  enter(): void {
    if (this.#pressed.choosing()) this.#pressed.onchoose();
    else this.#pressed.onmenu(null);
  }
}
