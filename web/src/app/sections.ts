/**
 * The screens that are fetched when they are first opened. PeopleScreen and MeScreen get `rest`,
 * the path below their section, and fill everything beside the rail.
 */
import type { Component } from "svelte";

type Load<Props extends Record<string, unknown>> = () => Promise<{ default: Component<Props> }>;

const screens = import.meta.glob("../screens/*/*Screen.svelte");

function byPath<Props extends Record<string, unknown>>(path: string): Load<Props> {
  return () => {
    const load = screens[path];
    return load === undefined
      ? Promise.reject(new Error(`no screen at ${path}`))
      : (load() as Promise<{ default: Component<Props> }>);
  };
}

export const LockScreen = byPath<Record<string, never>>("../screens/lock/LockScreen.svelte");
export const PeopleScreen = byPath<{ rest: readonly string[] }>(
  "../screens/people/PeopleScreen.svelte",
);
export const MeScreen = byPath<{ rest: readonly string[] }>("../screens/me/MeScreen.svelte");
export const ChatsScreen = byPath<{ rest: readonly string[] }>(
  "../screens/chats/ChatsScreen.svelte",
);
export const NewScreen = byPath<{ rest: readonly string[] }>("../screens/new/NewScreen.svelte");
