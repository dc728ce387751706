/** The page of a practice: the app's screens over a core that reaches nothing (bridge.ts). */
import "#app/trusted-types.ts";
import { mount } from "svelte";
import "#fonts/fonts.css";
import "#styles/tokens.css";
import "#styles/base.css";
import "#styles/looks.css";
import { useCore } from "#app/core.ts";
import { followAutoLock } from "#app/device/auto-lock.svelte.ts";
import { followAddress, keepNoSteps } from "#app/router.svelte.ts";
import { showOnly } from "#app/sections.ts";
import { askNoServer } from "#app/server-config.ts";
import { followCore } from "#app/state/app.svelte.ts";
import { restoreAppearance } from "#app/state/appearance.svelte.ts";
import { loadLater } from "#i18n/index.svelte.ts";
import { PRACTICES } from "./bridge.ts";
import { practiceCore } from "./core.ts";
import Practice from "./Practice.svelte";
import { PracticeProgress } from "./progress.svelte.ts";

/**
 * Screens get an invented place: a lesson asks for its practice, and a phone may refuse its own place or
 * know none.
 */
function standInPlace(): void {
  const coords = { latitude: 17.385, longitude: 78.4867, accuracy: 12 };
  const found = (tell: PositionCallback): number => {
    // The screens read these values alone.
    setTimeout(() => tell({ coords, timestamp: Date.now() } as GeolocationPosition), 0);
    return 0;
  };
  const geolocation = {
    getCurrentPosition: found,
    watchPosition: found,
    clearWatch: () => undefined,
  };
  Object.defineProperty(navigator, "geolocation", { value: geolocation });
}

async function start(target: HTMLElement): Promise<void> {
  const asked = new URLSearchParams(location.search).get("practice");
  const progress = new PracticeProgress(PRACTICES.find((one) => one === asked) ?? "message");
  askNoServer();
  showOnly(["chats", "orders"]);
  keepNoSteps();
  standInPlace();
  followAddress();
  await Promise.all([restoreAppearance(), loadLater("rest"), loadLater("training")]);
  useCore(practiceCore(progress.name === "order", progress.note));
  await followCore();
  // It never locks, but tells the app's tabs that the person is there.
  followAutoLock();
  mount(Practice, { target, props: { progress } });
}

const target = document.getElementById("app");
if (target !== null) void start(target);
