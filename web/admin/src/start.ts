/** Bring the console up on a page, over the core that is given. */
import type { ConnectedCore } from "@copconnect/client/core";
import { mount } from "svelte";
import "#fonts/fonts.css";
import "#styles/tokens.css";
import "#styles/base.css";
import "#styles/looks.css";
import { useCore } from "#app/core.ts";
import { followAutoLock } from "#app/device/auto-lock.svelte.ts";
import { followAddress } from "#app/router.svelte.ts";
import { followCore } from "#app/state/app.svelte.ts";
import { restoreAppearance } from "#app/state/appearance.svelte.ts";
import { loadLater } from "#i18n/index.svelte.ts";
import Console from "./Console.svelte";
import { loadWords } from "./words.ts";

export async function start(connected: ConnectedCore, target: HTMLElement): Promise<void> {
  useCore(connected);
  loadWords();
  followAddress();
  followAutoLock();
  const tell = (): void => void connected.app.networkChanged(navigator.onLine);
  addEventListener("online", tell);
  addEventListener("offline", tell);
  await Promise.all([restoreAppearance(), loadLater("rest")]);
  mount(Console, { target, props: { opening: followCore() } });
}
