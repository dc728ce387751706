/**
 * The guard's verdicts on pictures before they are sent or forwarded. The hash is made here, the list
 * lies in the core: no request says which picture was looked at. Fetched with the first picture.
 */
import type { ConversationId } from "@copconnect/client/wire";
import type { GuardVerdict } from "@copconnect/client/core";
import { core } from "#app/core.ts";
import { pictureHash } from "#media/encoding/picture-hash.ts";

/** The guard's verdicts on these pictures in this conversation that are not "fine". */
export async function judgedPictures(
  conversationId: ConversationId,
  pictures: readonly Blob[],
): Promise<readonly GuardVerdict[]> {
  const found: GuardVerdict[] = [];
  for (const picture of pictures) {
    const hash = await pictureHash(picture, "judge");
    if (hash === null) continue;
    const verdict = await core().guard.pictureVerdict(conversationId, hash);
    if (verdict.act !== "fine") found.push(verdict);
  }
  return found;
}
