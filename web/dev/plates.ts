/** Plates and ids that the scripted parts share. */
import type { Plate } from "@copconnect/client/core";
import type { Person } from "@copconnect/client/wire";
import { id } from "./organisation.ts";

export const plate = (person: Person): Plate => ({
  personId: person.personId,
  names: person.names,
  rank: person.rank,
  post: person.post,
  unitId: person.unitId,
});

/** 64 hex. */
export const deviceId = (number: number): string => id(6, number) + id(6, number);
