/**
 * The app that ships: the real core, in its worker. A start waits longest for the worker, so that this script
 * starts it before the page is whole and before the screens' code is there.
 */
import "./app/trusted-types.ts";
import { connectCore } from "@copconnect/client/host/connect";

const core = connectCore();

/** The page is read, and its styles are here: screens measure what they draw. */
async function pageIsWhole(): Promise<void> {
  if (document.readyState === "loading")
    await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve));
  const links = document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]');
  const missing = [...links].filter(({ sheet }) => sheet === null);
  await Promise.all(
    missing.map((link) => new Promise((resolve) => (link.onload = link.onerror = resolve))),
  );
}

void Promise.all([import("./app/start.ts"), pageIsWhole()]).then(([{ start }]) => {
  const target = document.getElementById("app");
  if (target !== null) void start(core, target);
});
