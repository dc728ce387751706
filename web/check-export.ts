/**
 * The page that verifies an export without the app: one file, opened from a disk (one-file.ts). It gives
 * the screens the core's own verifier, which runs in the page: a worker cannot be loaded beside it.
 */
import "#app/trusted-types.ts";
import { mount } from "svelte";
import "#styles/tokens.css";
import "#styles/base.css";
import "#styles/looks.css";
import { restoreAppearance } from "#app/state/appearance.svelte.ts";
import { loadLater } from "#i18n/index.svelte.ts";
import CheckPage from "#screens/exports/check/CheckPage.svelte";
import { speakOfChecking } from "#screens/exports/check/words.ts";
import { readRootFile } from "../client/src/exporting/root-file.ts";
import { verifyExport } from "../client/src/exporting/telling.ts";
import type { Verifier } from "../client/src/exporting/verifying.ts";

/** So long the page may be busy before it draws and takes a press. */
const BUSY_MS = 50;

/** Says how far it is, and lets the page draw, now and then. */
function inSteps(onProgress: Verifier["onProgress"]): Verifier["onProgress"] {
  let drawn = performance.now();
  return async (...progress) => {
    if (performance.now() - drawn < BUSY_MS) return;
    await onProgress(...progress);
    await new Promise((resolve) => setTimeout(resolve));
    drawn = performance.now();
  };
}

async function start(target: HTMLElement): Promise<void> {
  speakOfChecking();
  await Promise.all([restoreAppearance(), loadLater("rest"), loadLater("exports")]);
  mount(CheckPage, {
    target,
    props: {
      // Some browsers keep it from pages on a disk; the verifier would call every file damaged.
      able: (crypto.subtle as SubtleCrypto | undefined) !== undefined,
      readRoot: readRootFile,
      verify: (file, rootKey, onProgress) =>
        verifyExport(file, {
          department: { rootKey, departments: [], issuingKeys: [] },
          recordsOf: () => Promise.resolve([]),
          nowMs: Date.now(),
          onProgress: inSteps((step, done, total) => onProgress({ step, done, total })),
        }),
    },
  });
}

const target = document.getElementById("app");
if (target !== null) void start(target);
