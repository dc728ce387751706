/** A refused PIN or passphrase in words, with the tries that are left before this device is erased. */
import { coreError } from "#app/core.ts";
import { app } from "#app/state/app.svelte.ts";
import { errorText } from "#i18n/errors.ts";
import { t } from "#i18n/index.svelte.ts";

export function wrongText(thrown: unknown): string {
  const { code, details } = coreError(thrown);
  if (code !== "pin_wrong") return errorText(thrown);
  const lock = app.state?.lock;
  const left = details["triesLeft"] ?? lock?.triesLeft;
  const passphrase = lock?.passphrase === true;
  if (typeof left !== "number") return t(passphrase ? "lock.passphraseWrong" : "lock.wrong");
  return t(passphrase ? "lock.passphraseTriesLeft" : "lock.triesLeft", { count: left });
}
