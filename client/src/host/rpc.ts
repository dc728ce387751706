/**
 * Calls and events of the core over a message port.
 *
 * Invariants: a call is answered once; a call that is repeated with the same number is safe,
 * because {@link withIds} gives every call that makes something the id of what it makes; errors
 * cross as plain {@link CoreError}s and reject as {@link CoreFailure}s.
 */
import type { ConnectedCore, Core } from "../core.ts";
import type { CoreError, CoreEvent, CoreListener } from "../seam.ts";
import { CoreFailure, asFailure, failure } from "../failure.ts";
import { newId } from "../ids.ts";
import { isRemote, remote, type RemoteMethod } from "../remote.ts";

export type Method = Exclude<keyof Core, Objects>;
type Objects = "overseeing" | "reports" | "training" | "admin";

/** Every method that may be called from outside; anything else is refused. */
export const METHODS: Readonly<Record<Method, true>> = {
  start: true,
  state: true,
  requestCode: true,
  submitCode: true,
  submitEnrolmentCode: true,
  registerWithoutText: true,
  checkRegistration: true,
  registerClient: true,
  conductCode: true,
  conduct: true,
  acceptConduct: true,
  setPin: true,
  setAutoLock: true,
  unlock: true,
  lock: true,
  signOut: true,
  startOver: true,
  clients: true,
  renameClient: true,
  directory: true,
  people: true,
  person: true,
  chain: true,
  unitPosts: true,
  posts: true,
  post: true,
  block: true,
  blocked: true,
  unconfirmed: true,
  beginConfirmation: true,
  confirmations: true,
  answerConfirmation: true,
  confirmDigits: true,
  cancelConfirmation: true,
  grants: true,
  grant: true,
  withdrawGrant: true,
  devices: true,
  madeBy: true,
  revokeDevice: true,
  phoneLock: true,
  lockPhone: true,
  unlockPhone: true,
  givePresence: true,
  authenticators: true,
  addAuthenticator: true,
  alarms: true,
  acknowledgeAlarm: true,
  conversations: true,
  conversation: true,
  openDirect: true,
  openPost: true,
  createGroup: true,
  members: true,
  memberPage: true,
  changeMembers: true,
  leave: true,
  forget: true,
  setProfile: true,
  setWhoMayPost: true,
  setPreferences: true,
  encryption: true,
  messages: true,
  send: true,
  vote: true,
  closePoll: true,
  guardVerdict: true,
  guardPictureVerdict: true,
  forwardChoice: true,
  forward: true,
  guard: true,
  guardClaims: true,
  guardWasWrong: true,
  forgetGuardMistakes: true,
  acceptAnswer: true,
  questions: true,
  shareLive: true,
  stopLive: true,
  liveShares: true,
  moveLive: true,
  livePlaces: true,
  quickReplies: true,
  setQuickReplies: true,
  retry: true,
  cancel: true,
  markRead: true,
  receipts: true,
  saveDraft: true,
  keepDraftFiles: true,
  draftFiles: true,
  orders: true,
  order: true,
  acknowledge: true,
  issuing: true,
  issuableUnits: true,
  openUnitOrders: true,
  issueTogether: true,
  orderDrafts: true,
  orderDraft: true,
  keepOrderDraft: true,
  dropOrderDraft: true,
  dismissRefusal: true,
  pushKey: true,
  subscribePushes: true,
  unsubscribePushes: true,
  setVisible: true,
  networkChanged: true,
  attachment: true,
  attachmentRange: true,
  cancelDownload: true,
};

export interface Call {
  readonly type: "call";
  readonly number: number;
  /** Null: a method of the core itself. */
  readonly object: string | null;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type Answer =
  | { readonly type: "answer"; readonly number: number; readonly value: unknown }
  | { readonly type: "failure"; readonly number: number; readonly error: CoreError };

export interface Happened {
  readonly type: "event";
  readonly event: CoreEvent;
}

/** Run a call on a core; never rejects. */
export async function perform(core: Core, call: Call): Promise<Answer> {
  try {
    return { type: "answer", number: call.number, value: await calledOn(core, call) };
  } catch (error) {
    return { type: "failure", number: call.number, error: asFailure(error).plain() };
  }
}

function calledOn(core: Core, { object, method, args }: Call): Promise<unknown> {
  if (object !== null) {
    const called: unknown = Object.hasOwn(core, object) ? core[object as keyof Core] : null;
    if (!isRemote(called)) throw failure("not_found");
    return (called[method] as RemoteMethod)(...args);
  }
  if (!Object.hasOwn(METHODS, method)) throw failure("not_found");
  const own = core[method as Method] as RemoteMethod;
  return own.apply(core, [...args]);
}

/** Arguments with an id for what the call makes, so that repeating it makes nothing twice. */
export function withIds(
  object: string | null,
  method: string,
  args: readonly unknown[],
): readonly unknown[] {
  if (method === "send")
    return [args[0], args[1], args[2] ?? null, args[3] ?? newId(), ...args.slice(4)];
  if (method === "forward") return [args[0], args[1], args[2], args[3] ?? newId()];
  if (method === "createGroup") return [{ conversationId: newId(), ...(args[0] as object) }];
  if (object === "admin" && method === "perform") return [args[0], args[1] ?? newId()];
  return args;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: CoreFailure) => void;
}

/** The page's side: a core whose calls go out through `post` and come back through `receive`. */
export function remoteCore(post: (call: Call) => void): {
  readonly core: ConnectedCore;
  readonly receive: (message: Answer | Happened) => void;
  /** Reject everything that waits: the worker died. */
  readonly fail: (error: CoreFailure) => void;
} {
  const waiting = new Map<number, Waiting>();
  const listeners = new Set<CoreListener>();
  let numbers = 0;

  const call = (object: string | null, method: string, args: readonly unknown[]) =>
    new Promise<unknown>((resolve, reject) => {
      const number = ++numbers;
      waiting.set(number, { resolve, reject });
      try {
        post({ type: "call", number, object, method, args: withIds(object, method, args) });
      } catch (error) {
        waiting.delete(number);
        reject(asFailure(error));
      }
    });
  const callers = Object.fromEntries(
    Object.keys(METHODS).map((method) => [
      method,
      (...args: readonly unknown[]) => call(null, method, args),
    ]),
  ) as unknown as Pick<Core, Method>;
  const object = <Name extends Objects>(name: Name) =>
    remote<Core[Name]>((method, args) => call(name, method, args)) as unknown as Core[Name];

  return {
    core: {
      ...callers,
      overseeing: object("overseeing"),
      reports: object("reports"),
      training: object("training"),
      admin: object("admin"),
      subscribe(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
    receive(message) {
      if (message.type === "event") {
        for (const listener of listeners) listener(message.event);
        return;
      }
      const caller = waiting.get(message.number);
      waiting.delete(message.number);
      if (message.type === "answer") caller?.resolve(message.value);
      else caller?.reject(new CoreFailure(message.error.code, message.error));
    },
    fail(error) {
      for (const caller of waiting.values()) caller.reject(error);
      waiting.clear();
    },
  };
}
