/** The name and post of this device's person, for the draft certificate of a printed export. */
import type { Signer } from "#parts/evidence/PartA.svelte";
import { app } from "./app.svelte.ts";
import { rankName, unitName } from "./directory.svelte.ts";

/** In English, as the certificate is. Reactive. */
export function signerHere(): Signer | null {
  const { me } = app;
  if (me === null) return null;
  const employed = [me.post.en || rankName(me.rank), unitName(me.unitId)];
  return { name: me.names.en, employed: employed.filter((one) => one !== "").join(", ") };
}
