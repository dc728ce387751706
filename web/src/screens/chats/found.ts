/** A few people whom words find, beside the chats. */
import type { Person } from "@copconnect/client/wire";
import { core } from "#app/core.ts";
import { app } from "#app/state/app.svelte.ts";
import { nearby } from "#app/state/nearby.svelte.ts";

const FEW = 5;

/** Other people: of the own unit and those one writes with before the rest. */
export async function peopleFound(text: string): Promise<readonly Person[]> {
  const { people } = await core().people.search({ text, first: nearby.recentIds });
  return people.filter(({ personId }) => personId !== app.me?.personId).slice(0, FEW);
}
