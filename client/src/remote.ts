/**
 * The core's objects as their callers hold them, beside the core or through a worker: each method of
 * `core.messages` is a method of its class.
 *
 * Invariant: a caller reaches a method only if the object's own class defines it. Inherited names, the
 * constructor, accessors and fields are refused; a `#private` method has no name to call it by.
 */
import { failure } from "./failure.ts";

/** The methods of `T`, from wherever they are called. */
export type Remote<T> = {
  readonly [
    Name in keyof T as T[Name] extends (...args: never) => unknown ? Name : never
  ]: T[Name] extends (...args: infer Args) => infer Answer
    ? (...args: Args) => Promise<Awaited<Answer>>
    : never;
};

type Invoke = (method: string, args: readonly unknown[]) => Promise<unknown>;

const remotes = new WeakSet<object>();

/** An object whose methods all go through one function. */
export function remote<T>(call: Invoke): Remote<T> {
  const object = new Proxy(
    {},
    {
      get: (_, name) =>
        // A promise that resolves with this object must not take it for another promise.
        typeof name === "symbol" || name === "then"
          ? undefined
          : (...args: readonly unknown[]) => call(name, args),
    },
  );
  remotes.add(object);
  return object as Remote<T>;
}

type RemoteMethod = (...args: readonly unknown[]) => Promise<unknown>;

/** The methods of the object that `open` resolves with; each call opens it first. */
export function opening<T extends object>(open: () => T | Promise<T>): Remote<T> {
  return remote(async (method, args) => {
    const object = await open();
    return ownMethod(object, method).apply(object, [...args]);
  });
}

/** Call a method of one of a core's objects, by the names of both. */
export async function callByName(
  objects: object,
  object: string,
  method: string,
  args: readonly unknown[],
): Promise<unknown> {
  const called: unknown = Object.hasOwn(objects, object)
    ? objects[object as keyof typeof objects]
    : null;
  if (typeof called !== "object" || called === null || !remotes.has(called))
    throw failure("not_found");
  return (called as Readonly<Record<string, RemoteMethod>>)[method]?.(...args);
}

function ownMethod(object: object, name: string): (...args: readonly unknown[]) => unknown {
  const { value }: PropertyDescriptor =
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(object), name) ?? {};
  if (typeof value !== "function" || name === "constructor") throw failure("not_found");
  return value as (...args: readonly unknown[]) => unknown;
}
