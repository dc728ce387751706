/** Plates and ids that the scripted parts share. */
import type { Plate } from "@copconnect/client/core";
import type { DeviceId, Person } from "@copconnect/client/wire";
import { RANKS, id } from "./organisation.ts";

/** As the core makes it of a signed card: the names of rank and post in every language. */
export const plate = (person: Person): Plate => ({
  personId: person.personId,
  names: person.names,
  rank: RANKS.find(({ code }) => code === person.rank)?.names ?? person.rank,
  post: person.post,
  unitId: person.unitId,
});

/** 64 hex. */
export const deviceId = (number: number): DeviceId => (id(6, number) + id(6, number)) as DeviceId;
