/** Names of people whom acts name, fetched when they are first shown. */
import { SvelteMap } from "svelte/reactivity";
import type { Person, PersonId } from "@copconnect/client/wire";
import { core } from "../../../src/app/core.ts";
import { nameOf } from "../../../src/i18n/format.ts";

const people = new SvelteMap<string, Person>();
let asked: readonly string[] = [];

/** People that came with an answer. */
export function remember(found: readonly Person[]): void {
  for (const one of found) people.set(one.personId, one);
}

/** A person's name; the start of the id until it is known. */
export function nameFor(personId: PersonId): string {
  const known = people.get(personId);
  if (known !== undefined) return nameOf(known.names);
  if (!asked.includes(personId)) {
    asked = [...asked, personId];
    core()
      .person(personId)
      .then(
        (person) => people.set(person.personId, person),
        () => (asked = asked.filter((one) => one !== personId)),
      );
  }
  return `${personId.slice(0, 8)}…`;
}
