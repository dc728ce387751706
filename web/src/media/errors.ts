/** Error texts for files and devices, in the reader's language. */
import { errorText } from "#i18n/errors.ts";
import { formatNumber } from "#i18n/format.ts";
import { t } from "#i18n/index.svelte.ts";
import { MediaError } from "./encoding/canvas.ts";

export function mediaErrorText(thrown: unknown, limit = 0): string {
  if (!(thrown instanceof MediaError)) return errorText(thrown);
  return t(`media.error.${thrown.code}`, { limit: formatNumber(limit) });
}
