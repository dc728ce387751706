/**
 * Locks the app when nobody has touched any tab of the app for the chosen time, or, with a time
 * of 0, as soon as the app leaves the screen. Only this page knows that; the core knows the time.
 */
import { app } from "../state/app.svelte.ts";
import { core } from "../core.ts";

const CHECK_MS = 5_000;
/** The shortest time between two messages to other tabs. */
const TELL_MS = 2_000;
const EVENTS = ["pointerdown", "keydown", "wheel", "touchstart"] as const;

/** Whether it is time. Pure, for the test. */
export function isTime(
  lock: { readonly enabled: boolean; readonly autoLockMs: number },
  idleMs: number,
  hidden: boolean,
): boolean {
  if (!lock.enabled) return false;
  return lock.autoLockMs === 0 ? hidden : idleMs >= lock.autoLockMs;
}

export function followAutoLock(): () => void {
  let activeMs = Date.now();
  let toldMs = 0;
  const tabs = new BroadcastChannel("copconnect.active");
  tabs.onmessage = () => (activeMs = Date.now());

  const touched = (): void => {
    activeMs = Date.now();
    if (activeMs - toldMs < TELL_MS) return;
    toldMs = activeMs;
    tabs.postMessage(null);
  };
  const check = (): void => {
    const state = app.state;
    if (state?.phase !== "ready") {
      activeMs = Date.now();
      return;
    }
    if (!isTime(state.lock, Date.now() - activeMs, document.hidden)) return;
    activeMs = Date.now();
    core()
      .app.lock()
      .catch(() => undefined);
  };

  for (const event of EVENTS) addEventListener(event, touched, { passive: true, capture: true });
  // Timers sleep in the background; coming back checks at once, before anything is read.
  document.addEventListener("visibilitychange", check);
  const timer = setInterval(check, CHECK_MS);
  return () => {
    for (const event of EVENTS) removeEventListener(event, touched, { capture: true });
    document.removeEventListener("visibilitychange", check);
    clearInterval(timer);
    tabs.close();
  };
}
