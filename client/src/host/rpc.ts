/**
 * Calls and events of the core over a message port.
 *
 * Invariants: a call is answered once; a call that is repeated with the same number is safe,
 * because {@link withIds} gives every call that makes something the id of what it makes; errors
 * cross as plain {@link CoreError}s and reject as {@link CoreFailure}s.
 */
import type { ConnectedCore, Core } from "../core.ts";
import type { CoreError, CoreEvent, CoreListener } from "../seam.ts";
import { asFailure } from "../as-failure.ts";
import { CoreFailure } from "../failure.ts";
import { newId } from "../ids.ts";
import { callByName, remote } from "../remote.ts";

export interface Call {
  readonly type: "call";
  readonly number: number;
  /** The name of one of the core's objects. */
  readonly object: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type CallResult =
  | { readonly type: "answer"; readonly number: number; readonly value: unknown }
  | { readonly type: "failure"; readonly number: number; readonly error: CoreError };

export interface Happened {
  readonly type: "event";
  readonly event: CoreEvent;
}

/** Run a call on a core; never rejects. */
export async function perform(core: Core, call: Call): Promise<CallResult> {
  try {
    const value = await callByName(core, call.object, call.method, call.args);
    return { type: "answer", number: call.number, value };
  } catch (error) {
    return { type: "failure", number: call.number, error: asFailure(error).plain() };
  }
}

/** Arguments with an id for what the call makes, so that repeating it makes nothing twice. */
export function withIds(
  object: string,
  method: string,
  args: readonly unknown[],
): readonly unknown[] {
  switch (`${object}.${method}`) {
    case "messages.send":
      return [args[0], args[1], args[2] ?? null, args[3] ?? newId(), ...args.slice(4)];
    case "forwarding.forward":
      return [args[0], args[1], args[2], args[3] ?? newId()];
    case "conversations.createGroup":
      return [{ conversationId: newId(), ...(args[0] as object) }];
    case "admin.perform":
      return [args[0], args[1] ?? newId()];
    default:
      return args;
  }
}

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: CoreFailure) => void;
}

/** The page's side: a core whose calls go out through `post` and come back through `receive`. */
export function remoteCore(post: (call: Call) => void): {
  readonly core: ConnectedCore;
  readonly receive: (message: CallResult | Happened) => void;
  /** Reject everything that waits: the worker died. */
  readonly fail: (error: CoreFailure) => void;
} {
  const waiting = new Map<number, PendingCall>();
  const listeners = new Set<CoreListener>();
  let numbers = 0;

  const call = (object: string, method: string, args: readonly unknown[]) =>
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
  const subscribe: ConnectedCore["subscribe"] = (listener) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const objects = new Proxy(
    { subscribe },
    {
      get: (own, name) =>
        // A promise that resolves with the core must not take it for another promise.
        name in own || typeof name === "symbol" || name === "then"
          ? Reflect.get(own, name)
          : remote((method, args) => call(name, method, args)),
    },
  );

  return {
    core: objects as ConnectedCore,
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
