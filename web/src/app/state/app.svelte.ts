/**
 * The application's state as the screens see it, kept in step with the core's "app" events.
 * Also the one place that subscribes to the core: stores register a listener here.
 */
import type { AppState, CoreEvent } from "@copconnect/client/core";
import { core } from "../core.ts";

let current = $state.raw<AppState | null>(null);
let listeners: readonly ((event: CoreEvent) => void)[] = [];

export const app = {
  /** null until the core has opened its vault. */
  get state(): AppState | null {
    return current;
  },
  get me() {
    return current?.me ?? null;
  },
  get offline(): boolean {
    return current?.connection === "offline";
  },
};

/** Take a state that a call has returned; the core's events bring the rest. */
export function adopt(state: AppState): void {
  current = state;
}

/** Listen to core events; returns how to stop. */
export function onCoreEvent(listener: (event: CoreEvent) => void): () => void {
  listeners = [...listeners, listener];
  return () => {
    listeners = listeners.filter((one) => one !== listener);
  };
}

/** Subscribe, then open: no event between the two is missed. */
export async function followCore(): Promise<void> {
  core().subscribe((event) => {
    if (event.type === "app") current = event.state;
    for (const listener of listeners) listener(event);
  });
  current = await core().app.start();
}

/** Things that screens keep beyond their own life, and that a lock or a sign-out takes away. */
let forgetters: readonly (() => void)[] = [];

/** Call this when the person leaves the app: it is locked, or signed out. */
export function onLeaving(forget: () => void): void {
  forgetters = [...forgetters, forget];
}

export function leave(): void {
  for (const forget of forgetters) forget();
}

/**
 * Whether a device that nobody vouches for shows its waiting screen, or what it holds from before:
 * the person may leave the screen until the page is loaded again.
 */
let left = $state(false);

export const waitingHome = {
  get left(): boolean {
    return left;
  },
  leave(): void {
    left = true;
  },
  comeBack(): void {
    left = false;
  },
};

/** Whether this page has just registered the device, and whether its last step is still shown. */
class FirstRunState {
  started = $state(false);
  showDone = $state(false);
}

export const firstRun = new FirstRunState();
