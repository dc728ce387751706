/**
 * This device's subscription at its browser's push service.
 *
 * Invariants: a device is subscribed while notifications are on, its person is signed in and the
 * device is confirmed; the server knows the endpoint that the browser has now, because each start of
 * the app tells it; signing out ends the subscription in the browser, and at the server with the
 * device. The browser's keys of a subscription stay here: pushes have no body.
 */
import { t } from "../../i18n/index.svelte.ts";
import { language } from "../../i18n/index.svelte.ts";
import { forgetSettings, saveSettings, type QuietHours } from "../../push/settings.ts";
import { core, coreError } from "../core.ts";
import { app } from "../state/app.svelte.ts";
import { notifications } from "./notifications.svelte.ts";

export type PushState = "unsupported" | "off" | "working" | "waiting" | "refused" | "failed";

const QUIET_KEY = "copconnect.notifications.quiet";
const possible =
  typeof navigator !== "undefined" && "serviceWorker" in navigator && "PushManager" in globalThis;

function storedQuiet(): QuietHours | null {
  try {
    const text = localStorage.getItem(QUIET_KEY);
    return text === null ? null : (JSON.parse(text) as QuietHours);
  } catch {
    return null;
  }
}

let state = $state<PushState>(possible ? "off" : "unsupported");
let quiet = $state.raw<QuietHours | null>(storedQuiet());

export const pushes = {
  get state(): PushState {
    return state;
  },
  get quiet(): QuietHours | null {
    return quiet;
  },
  setQuiet(hours: QuietHours | null): void {
    quiet = hours;
    try {
      if (hours === null) localStorage.removeItem(QUIET_KEY);
      else localStorage.setItem(QUIET_KEY, JSON.stringify(hours));
    } catch {
      // Refused in private modes: the choice lasts as long as the page.
    }
  },
  /** Try again after a failure. */
  async retry(): Promise<void> {
    await subscribe();
  },
};

function sameKey(subscription: PushSubscription, key: Uint8Array): boolean {
  const used = subscription.options.applicationServerKey;
  if (used === null) return false;
  const bytes = new Uint8Array(used);
  return bytes.length === key.length && bytes.every((byte, at) => byte === key[at]);
}

async function subscribe(): Promise<void> {
  if (!possible) return;
  try {
    const { pushManager } = await navigator.serviceWorker.ready;
    const key = await core().pushKey();
    let subscription = await pushManager.getSubscription();
    if (subscription !== null && !sameKey(subscription, key)) {
      await subscription.unsubscribe();
      subscription = null;
    }
    subscription ??= await pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: key,
    });
    await core().subscribePushes(subscription.endpoint);
    state = "working";
  } catch (error) {
    const { code } = coreError(error);
    state = code === "push_origin_refused" ? "refused" : code === "network" ? "waiting" : "failed";
  }
}

async function unsubscribe(tellServer: boolean): Promise<void> {
  if (!possible) return;
  state = "off";
  const registration = await navigator.serviceWorker.getRegistration().catch(() => undefined);
  const subscription = await registration?.pushManager.getSubscription().catch(() => null);
  if (tellServer)
    await core()
      .unsubscribePushes()
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
    const ended = $derived(phase === "register" || phase === "signed_out");

    $effect(() => {
      if (wanted && online) void subscribe();
    });
    $effect(() => {
      if (turnedOff) void unsubscribe(true);
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
        quiet,
        words: {
          app: "Cop Connect",
          newMessage: t("me.newMessage"),
          reply: t("me.push.reply"),
          read: t("me.push.read"),
        },
      };
      void saveSettings(settings).catch(() => undefined);
    });
  });
}
