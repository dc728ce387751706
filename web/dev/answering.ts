/** The calls of the scripted core answer after a while, or as the address asks: not, or with an error. */
import type { ConnectedCore } from "@copconnect/client/core";
import { refusal } from "#practice/items.ts";
import { pause } from "#practice/station.ts";
import type { Scenario } from "./scenario.ts";

const ANSWER_MS = 100;
/** Calls that need the network. */
const ONLINE = ["posts.chain", "posts.ofUnit", "posts.find", "reports.reportReaders"];

/** The code of the error with which a call ends; `loading`: it never ends. */
function outcomeOf(call: string, scenario: Scenario): string | null {
  const { chats, pages, rows, connection } = scenario;
  const asked: Readonly<Record<string, string>> = {
    "conversations.list": chats,
    "orders.page": chats,
    "messages.page": pages,
  };
  const state = asked[call] ?? "some";
  if (state === "error") return "storage_failed";
  if (state === "loading") return state;
  const console = call.startsWith("admin.") && call !== "admin.rights";
  if (console && rows !== "some") return rows === "error" ? "network" : rows;
  return connection === "offline" && ONLINE.includes(call) ? "network" : null;
}

export function answering(core: ConnectedCore, scenario: Scenario): ConnectedCore {
  const answer = async (call: string, run: () => unknown): Promise<unknown> => {
    await pause(ANSWER_MS);
    const outcome = outcomeOf(call, scenario);
    if (outcome === "loading") return new Promise(() => undefined);
    if (outcome !== null) throw refusal(outcome);
    return run();
  };
  const objectOf = (object: object, name: string): object =>
    new Proxy(object, {
      get(target, method) {
        const found: unknown = Reflect.get(target, method, target);
        if (typeof found !== "function") return found;
        const call = `${name}.${String(method)}`;
        return (...args: readonly unknown[]) => answer(call, () => found.apply(target, args));
      },
    });
  return new Proxy(core, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name, target);
      if (typeof found === "function") return found.bind(target);
      const isObject = typeof found === "object" && found !== null;
      return isObject ? objectOf(found, String(name)) : found;
    },
  });
}
