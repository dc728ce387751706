/** Plates and ids that the scripted parts share. */
import { inEnglish, type Plate } from "@copconnect/client/core";
import type { DeviceId, Person } from "@copconnect/client/wire";
import { RANKS, id } from "./organisation.ts";

/** As the core makes it of a signed card: ranks and posts are in English. */
export const plate = (person: Person): Plate => ({
  personId: person.personId,
  names: person.names,
  rank: RANKS.find(({ code }) => code === person.rank)?.names.en ?? person.rank,
  post: inEnglish(person.post.en),
  unitId: person.unitId,
});

/** 64 hex. */
export const deviceId = (number: number): DeviceId => (id(6, number) + id(6, number)) as DeviceId;
