/** Bring the app up on a page, with a core that is given: the real one, or a scripted one. */
import type { ConnectedCore } from "@copconnect/client/core";
import { mount } from "svelte";
import "#fonts/fonts.css";
import "#styles/tokens.css";
import "#styles/base.css";
import App from "./App.svelte";
import { followCore } from "./state/app.svelte.ts";
import { restoreAppearance } from "./state/appearance.svelte.ts";
import { useCore } from "./core.ts";
import { startDeviceServices } from "./device/device-services.ts";
import { followAddress } from "./router.svelte.ts";

export async function start(connected: ConnectedCore, target: HTMLElement): Promise<void> {
  useCore(connected);
  followAddress();
  startDeviceServices();
  await restoreAppearance();
  mount(App, { target, props: { opening: followCore() } });
}
