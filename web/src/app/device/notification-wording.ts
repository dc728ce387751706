/** The wording of a notification. Pure. */
import type { MessageItem } from "@copconnect/client/core";
import type { Names } from "@copconnect/client/wire";

/** The lines of a notification. `allowed`: the person wants names and words on the screen. */
export function wording(
  item: MessageItem,
  allowed: boolean,
  plain: string,
  name: (names: Names) => string,
): { readonly title: string; readonly body: string } {
  if (!allowed || item.sender === null) return { title: "Cop Connect", body: plain };
  const { body: found } = item;
  const body = found.kind === "order" ? found.title : "text" in found ? found.text : "";
  return { title: name(item.sender.names), body: body === "" ? plain : body.slice(0, 200) };
}
