/** The mark beside a message of mine. Pure. */
import type { AppState, MessageStatus } from "@copconnect/client/core";

/**
 * A message that the server has not confirmed waits for the network whenever there is none, however
 * far it had come: its bubble and the list, which are drawn at different moments, say the same.
 */
export function shownStatus(
  status: MessageStatus,
  connection: AppState["connection"],
): MessageStatus {
  if (status !== "queued" && status !== "sending") return status;
  return connection === "online" ? "sending" : "queued";
}
