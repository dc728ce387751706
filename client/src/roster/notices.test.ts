import { expect, it } from "vitest";
import { newId, type DeviceId } from "../ids.ts";
import { MAY_ADMINISTER, MAY_SEND } from "../keys/roster/leaf.ts";
import type { Audience } from "../wire.ts";
import { showsDepartures } from "./notices.ts";

const SELF: DeviceId = newId();
const OTHER: DeviceId = newId();
const leaf = (device: DeviceId, rights: number) => ({ device, rights });
const PLAIN = [leaf(SELF, MAY_SEND), leaf(OTHER, MAY_SEND)];
const ADMIN_ELSEWHERE = [leaf(SELF, MAY_SEND), leaf(OTHER, MAY_ADMINISTER)];
const OWN_ADMIN = [leaf(SELF, MAY_ADMINISTER), leaf(OTHER, MAY_SEND)];
const audience = { include: [] } as unknown as Audience;

it.each([
  ["a group's other admin", "group", null, ADMIN_ELSEWHERE, false],
  ["a group's own admin", "group", null, OWN_ADMIN, true],
  ["a group without admins", "group", null, PLAIN, true],
  ["a post's conversation", "unit", audience, PLAIN, true],
  ["a unit's conversation with an admin elsewhere", "unit", audience, ADMIN_ELSEWHERE, true],
] as const)("E1 a departure is shown: %s", (_, kind, rule, leaves, shown) => {
  expect(showsDepartures({ kind, audience: rule }, leaves, SELF)).toBe(shown);
});
