/**
 * The app that ships: the real core, in its worker. A start waits longest for the worker, so that this script
 * starts it before the page is whole and before the screens' code is there.
 */
import "./app/trusted-types.ts";
import { connectCore } from "@copconnect/client/host/connect";
import { pageIsWhole, sayUnopened } from "./app/opening.ts";

const core = connectCore();

async function open(): Promise<void> {
  const screens = import("./app/start.ts").catch(() => null);
  await pageIsWhole();
  const target = document.getElementById("app");
  if (target === null) return;
  const loaded = await screens;
  if (loaded === null) sayUnopened(target);
  else await loaded.start(core, target);
}

void open();
