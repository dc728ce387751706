/**
 * Hash router. A path is segments; what they mean is decided by the screen that reads them:
 *
 *   #/chats                         the list
 *   #/chats/<id>                    a conversation
 *   #/chats/<id>/info|encryption    its details
 *   #/chats/<id>/message/<id>       who has a message
 *   #/chats/<id>/gallery/<kind>     its pictures, documents, links and places
 *   #/new, #/new/group              start a conversation
 *   #/orders, #/orders/<id>         orders; one of them
 *   #/orders/new/<draft>            write one
 *   #/people/…                      people and units
 *   #/me/…                          this person, this device
 *   #/training, #/training/<lesson> courses; one of their lessons
 *   #/me/confirm/<device>           compare digits with the person who holds a new device
 *
 * Each entry knows its depth, so that "back" inside the app never leaves it.
 */
interface EntryState {
  readonly depth: number;
}

function read(): readonly string[] {
  return location.hash
    .replace(/^#\/?/, "")
    .split("/")
    .filter((part) => part !== "")
    .map((part) => decodeURIComponent(part));
}

function depth(): number {
  const state = history.state as EntryState | null;
  return state !== null && typeof state.depth === "number" ? state.depth : 0;
}

let segments = $state.raw<readonly string[]>([]);

export const route = {
  get segments(): readonly string[] {
    return segments;
  },
  /** The top-level part, one of the sections of sections.ts. */
  get section(): string {
    return segments[0] ?? "chats";
  },
  /** Everything below the section. */
  get rest(): readonly string[] {
    return segments.slice(1);
  },
};

/** Build a path from parts, each safely encoded. */
export function path(...parts: readonly string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

let stepless = false;

/**
 * For a page in a frame: its steps are none of the surrounding page's, whose "back" would otherwise
 * go through them. Links too only replace the address.
 */
export function keepNoSteps(): void {
  stepless = true;
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href^='#']") : null;
    if (link === null) return;
    event.preventDefault();
    navigate(link.getAttribute("href") ?? "");
  });
}

/** Go somewhere. `replace` for steps that "back" should skip. */
export function navigate(to: string, options: { readonly replace?: boolean } = {}): void {
  const target = to.startsWith("#") ? to : `#${to.startsWith("/") ? "" : "/"}${to}`;
  if (target === location.hash) return;
  if (options.replace === true || stepless) history.replaceState({ depth: depth() }, "", target);
  else history.pushState({ depth: depth() + 1 }, "", target);
  segments = read();
}

/** One step back inside the app; to `fallback` when this was the first screen. */
export function back(fallback: string): void {
  if (depth() > 0) history.back();
  else navigate(fallback, { replace: true });
}

/** Start following the address bar. */
export function followAddress(): void {
  segments = read();
  addEventListener("popstate", () => (segments = read()));
  addEventListener("hashchange", () => (segments = read()));
}
