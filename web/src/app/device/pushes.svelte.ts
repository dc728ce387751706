/**
 * This device's subscription at its browser's push service.
 *
 * Invariants: a device is subscribed while notifications are on, its person is signed in and the
 * device is confirmed; the server knows the endpoint that the browser has now, because each start of
 * the app tells it; signing out ends the subscription in the browser, and at the server with the
 * device. The browser's keys of a subscription stay here: pushes have no body.
 */
import { t, language } from "#i18n/index.svelte.ts";
import { LOOKING } from "#push/messages.ts";
import { hideNotices } from "#push/notice.ts";
import { forgetSettings, saveSettings } from "#push/settings.ts";
import { core, coreError } from "../core.ts";
import { app } from "../state/app.svelte.ts";
import { duty } from "./duty.svelte.ts";
import { calledWords, notifications } from "./notifications.svelte.ts";

/** `sometimes`: no push, but the browser lets the worker look now and then. */
export type PushState =
  | "sometimes"
  | "unsupported"
  | "off"
  | "working"
  | "waiting"
  | "refused"
  | "failed";

const HINTED_KEY = "copconnect.notifications.hinted";
const possible =
  typeof navigator !== "undefined" && "serviceWorker" in navigator && "PushManager" in globalThis;

function wasHinted(): boolean {
  try {
    return localStorage.getItem(HINTED_KEY) === "1";
  } catch {
    return false;
  }
}

let hinted = $state(wasHinted());
let state = $state<PushState>(possible ? "off" : "unsupported");

export const pushes = {
  get state(): PushState {
    return state;
  },
  /** Whether messages do not wake this browser, and will not. */
  get deaf(): boolean {
    return state === "unsupported" || state === "refused" || state === "sometimes";
  },
  /** Whether to say so: until the person has read it. */
  get hints(): boolean {
    return app.state?.phase === "ready" && pushes.deaf && !hinted;
  },
  hintNoMore(): void {
    hinted = true;
    try {
      localStorage.setItem(HINTED_KEY, "1");
    } catch {
      // Said again with the next page.
    }
  },
  /** Try again after a failure. */
  async retry(): Promise<void> {
    await subscribe();
  },
};

interface Looking {
  register(tag: string, options: { readonly minInterval: number }): Promise<void>;
  unregister(tag: string): Promise<void>;
}

const LOOK_EVERY_MS = 15 * 60_000;
const LOOK_SPARINGLY_MS = 60 * 60_000;

/** Periodic background sync: the browser looks when battery and network allow, never more often. */
async function looking(): Promise<Looking | null> {
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  if (registration === undefined || !("periodicSync" in registration)) return null;
  const name = "periodic-background-sync" as PermissionName;
  const { state: allowed } = await navigator.permissions.query({ name });
  return allowed === "granted" ? (registration.periodicSync as Looking) : null;
}

async function lookInstead(): Promise<void> {
  try {
    const { connection } = navigator as { connection?: { readonly saveData?: boolean } };
    const minInterval = connection?.saveData === true ? LOOK_SPARINGLY_MS : LOOK_EVERY_MS;
    const found = await looking();
    await found?.register(LOOKING, { minInterval });
    if (found !== null) state = "sometimes";
  } catch {
    // Not installed, or the browser does not know it: only an open app rings.
  }
}

async function lookNoMore(): Promise<void> {
  await (await looking().catch(() => null))?.unregister(LOOKING).catch(() => undefined);
}

function sameKey(subscription: PushSubscription, key: Uint8Array): boolean {
  const used = subscription.options.applicationServerKey;
  if (used === null) return false;
  const bytes = new Uint8Array(used);
  return bytes.length === key.length && bytes.every((byte, at) => byte === key[at]);
}

async function subscribe(): Promise<void> {
  if (!possible) return lookInstead();
  try {
    const { pushManager } = await navigator.serviceWorker.ready;
    const key = await core().pushes.key();
    let subscription = await pushManager.getSubscription();
    if (subscription !== null && !sameKey(subscription, key)) {
      await subscription.unsubscribe();
      subscription = null;
    }
    subscription ??= await pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: key,
    });
    await core().pushes.subscribe(subscription.endpoint);
    state = "working";
    await lookNoMore();
  } catch (error) {
    const { code } = coreError(error);
    state = code === "push_origin_refused" ? "refused" : code === "network" ? "waiting" : "failed";
    if (state !== "waiting") await lookInstead();
  }
}

async function unsubscribe(tellServer: boolean): Promise<void> {
  await lookNoMore();
  if (!possible) return;
  state = "off";
  const registration = await navigator.serviceWorker.getRegistration().catch(() => undefined);
  const subscription = await registration?.pushManager.getSubscription().catch(() => null);
  if (tellServer)
    await core()
      .pushes.unsubscribe()
      .catch(() => undefined);
  await subscription?.unsubscribe().catch(() => false);
}

/** Follow the person's choice and this device's state; to be called once the page runs. */
export function followPushes(): () => void {
  return $effect.root(() => {
    const phase = $derived(app.state?.phase ?? null);
    const confirmed = $derived(app.state !== null && app.state.device.confirmed !== "no");
    const online = $derived(app.state?.connection === "online");
    const wanted = $derived(phase === "ready" && confirmed && notifications.on);
    const turnedOff = $derived(phase === "ready" && !notifications.on);
    const away = $derived(phase === "signed_out");
    // A device that the server locked is woken again when it is unlocked.
    const ended = $derived(phase === "register" || (away && app.state?.kept !== true));

    $effect(() => {
      if (wanted && online) void subscribe();
    });
    $effect(() => {
      if (turnedOff) void unsubscribe(true);
    });
    $effect(() => {
      if (away && possible) void navigator.serviceWorker.ready.then(hideNotices);
    });
    $effect(() => {
      if (!ended) return;
      void unsubscribe(false);
      if (possible) void forgetSettings().catch(() => undefined);
    });
    $effect(() => {
      if (!possible || !wanted) return;
      const settings = {
        language: language.current,
        detail: notifications.detail,
        duty: duty.current,
        words: {
          app: "Cop Connect",
          newMessage: t("me.newMessage"),
          called: calledWords(),
          newReaction: t("me.newReaction"),
          reacted: t("me.reacted", { emoji: "{{emoji}}" }),
          reply: t("me.push.reply"),
          read: t("me.push.read"),
          write: t("me.push.write"),
          notSent: t("me.push.notSent"),
          // The service worker fills the time in.
          notPosted: t("me.push.notPosted", { until: "{{until}}" }),
          acknowledge: t("orders.notice.acknowledge"),
          reminder: t("orders.notice.reminder"),
          unfinished: t("orders.notice.unfinished"),
          lessons: t("me.lessonsOpen"),
          away: t("me.push.away"),
          back: t("me.push.back"),
        },
      };
      void saveSettings(settings).catch(() => undefined);
    });
  });
}
