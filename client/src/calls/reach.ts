/** The base of the calls of core.ts: the running device, once there is one. */
import type { ClientId } from "../ids.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { failure } from "../failure.ts";
import type { Guard } from "../guard/guard.ts";
import type { Oneself } from "../oneself/oneself.ts";
import type { PeopleDirectory } from "../people/people.ts";
import type { PostDirectory } from "../people/posts.ts";
import { sanctioned, type OwnSanctions } from "../account/own-sanctions.ts";
import { isClosed, type Training } from "../training/training.ts";
import type { DepartmentTrust } from "../trust/department-trust.ts";
import type { Device } from "./device.ts";

export interface DeviceAccess {
  /** The running device. Rejects with `locked` or `not_registered`. */
  readonly device: () => Promise<Device>;
  /** The same, also while the code of conduct is owed: for what is kept on this device alone. */
  readonly deviceThatKeeps: () => Promise<Device>;
  readonly people: PeopleDirectory;
  readonly posts: PostDirectory;
  readonly oneself: Oneself;
  readonly guard: Guard;
  readonly training: Training;
  readonly sanctions: OwnSanctions;
  /** The department's records, by which others' are verified. */
  readonly department: () => DepartmentTrust;
  /** The name that a person gave to one of that person's devices. */
  readonly labelOf: (clientId: ClientId) => string | null;
}

/** Throws for a conversation in which this person can write nothing. */
export function writable(reach: DeviceAccess, conversation: Conversation): Conversation {
  const open = orderable(reach, conversation);
  if (isClosed(reach.training.closedFrom, open.record)) throw failure("training_required");
  return open;
}

/**
 * Throws for a conversation in which nothing can be written; a pressing message asks for no
 * training.
 */
export function orderable({ sanctions }: DeviceAccess, conversation: Conversation): Conversation {
  const { state, alarm } = conversation.record;
  if (state === "left") throw failure("conversation_left");
  if (alarm === "not_direct") throw failure("security_alarm");
  const barred = sanctions.barred(conversation.record);
  if (barred !== null) throw sanctioned(barred);
  return conversation;
}
