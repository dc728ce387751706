/** People with the words that their cards sign, as mentions call them (kinds/called.ts). */
import type { DeviceContext } from "../context.ts";
import type { PersonId, UnitId } from "../ids.ts";
import type { ScriptTexts } from "../keys/trust/person-card.ts";
import type { CalledPerson } from "../kinds/called.ts";

export interface CardSource {
  readonly trust: Pick<DeviceContext["trust"], "card">;
}

export async function calledPerson(
  { trust }: CardSource,
  personId: PersonId,
): Promise<CalledPerson> {
  const card = await trust.card(personId);
  if (card === null) return { personId, post: "", rank: "", unitId: null };
  const unitId = (card.path.split("/").at(-1) ?? "") as UnitId;
  return { personId, post: latin(card.post), rank: latin(card.rank), unitId };
}

/** Words of a card in Latin script, or in the first that it has. */
export function latin(words: ScriptTexts = []): string {
  return (words.find(({ script }) => script === "Latn") ?? words[0])?.text ?? "";
}
