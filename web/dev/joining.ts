/** Groups that one may ask to join, and requests to join the first group. */
import type { Core, CoreEvent, JoinableGroup, JoinRequestView } from "@copconnect/client/core";
import type { ConversationId } from "@copconnect/client/wire";
import { ME, PEOPLE, plate } from "./organisation.ts";
import type { Talk } from "#practice/station.ts";

const HOUR_MS = 3_600_000;

export function joiningOf(
  talks: readonly Talk[],
  emit: (event: CoreEvent) => void,
): Core["joining"] {
  const [first, second, third] = PEOPLE;
  const admins = [first, second].flatMap((one) => (one ? [plate(one)] : []));
  const group = (name: string, purpose: string, more: Partial<JoinableGroup>): JoinableGroup => ({
    ...{ conversationId: name as ConversationId, title: name, purpose, unitId: ME.unitId },
    ...{ members: 24, adminIds: admins.map(({ personId }) => personId) },
    ...{ mine: false, askedMs: null, againMs: null },
    ...more,
  });
  let groups: readonly JoinableGroup[] = [
    group(
      "Cyber cell",
      "Fraud by phone and on the net. Bring what you know of mules and SIMs.",
      {},
    ),
    group("Night beat, South Zone", "", { askedMs: Date.now() - 2 * HOUR_MS }),
    group("Bandobast volunteers", "Festivals and rallies", { againMs: Date.now() + 20 * HOUR_MS }),
  ];
  const reasons = ["I investigate three cases of courier fraud, and need the cell's list.", null];
  let decided: readonly string[] = [];
  const requests = (): readonly JoinRequestView[] => {
    const own = talks.find(({ item }) => item.kind === "group" && item.admin);
    if (own === undefined) return [];
    const asking = [second, third].flatMap((one) => (one ? [plate(one)] : []));
    return asking
      .map((person, at) => ({
        ...{ conversationId: own.item.conversationId, person, reason: reasons[at] ?? null },
        askedMs: Date.now() - (at + 1) * HOUR_MS,
      }))
      .filter(({ person }) => !decided.includes(person.personId));
  };
  const change = (conversationId: ConversationId, more: Partial<JoinableGroup>): void => {
    groups = groups.map((one) =>
      one.conversationId === conversationId ? { ...one, ...more } : one,
    );
    emit({ type: "joining" });
  };
  return {
    current: async () => ({ groups, requests: requests() }),
    list: async (conversationId, listing) => {
      groups = groups.filter((one) => one.conversationId !== conversationId);
      if (listing !== null)
        groups = [...groups, { ...group("", "", { mine: true, conversationId }), ...listing }];
      emit({ type: "joining" });
    },
    readers: async () => admins,
    ask: async (conversationId) => change(conversationId, { askedMs: Date.now() }),
    withdraw: async (conversationId) => change(conversationId, { askedMs: null }),
    refuse: async (_, personId) => {
      decided = [...decided, personId];
      emit({ type: "joining" });
    },
  };
}
