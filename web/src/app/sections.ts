/**
 * The sections of the app, one row each: the phone's bar, the desktop's rail and the address all read
 * this table. A screen's code is fetched when it is first opened.
 */
import ClipboardList from "@lucide/svelte/icons/clipboard-list";
import CircleUser from "@lucide/svelte/icons/circle-user";
import MessagesSquare from "@lucide/svelte/icons/messages-square";
import UsersRound from "@lucide/svelte/icons/users-round";
import type { Component } from "svelte";
import { loadLater, t } from "#i18n/index.svelte.ts";
import { account } from "#screens/me/account.svelte.ts";
import { conversations } from "./state/conversations.svelte.ts";
import { orders } from "./state/orders.svelte.ts";

export interface Tab {
  readonly label: () => string;
  readonly icon: Component<{ size?: number | string }>;
  /** The number on the icon; 0: none. */
  readonly badge: () => number;
  /** The badge in words. */
  readonly badgeText: (count: number) => string;
}

export interface Section {
  /** The first part of its addresses. */
  readonly name: string;
  /** It gets the path below the section, and fills everything beside the rail. */
  readonly screen: () => Promise<{ default: Component<{ rest: readonly string[] }> }>;
  /** Shown before the words of the other screens are here (`Lazy.svelte`). */
  readonly early?: boolean;
  /** Null: it is opened from another section. */
  readonly tab: Tab | null;
  /** The section whose tab is the current one. */
  readonly under: string;
  /** Whether this person may see it. */
  readonly visible: () => boolean;
  /** Whether it takes the whole of a phone. */
  readonly covers: (rest: readonly string[]) => boolean;
}

const CHATS: Section = {
  name: "chats",
  screen: () => import("#screens/chats/ChatsScreen.svelte"),
  early: true,
  tab: {
    label: () => t("app.nav.chats"),
    icon: MessagesSquare,
    badge: () => conversations.unread,
    badgeText: (count) => t("chats.unread", { count }),
  },
  under: "chats",
  visible: () => true,
  covers: (rest) => rest.length > 0,
};

const SECTIONS: readonly Section[] = [
  CHATS,
  {
    name: "orders",
    screen: () => import("#screens/orders/OrdersScreen.svelte"),
    tab: {
      label: () => t("app.nav.orders"),
      icon: ClipboardList,
      badge: () => orders.owed,
      badgeText: (count) => t("orders.owed", { count }),
    },
    under: "orders",
    visible: () => true,
    covers: (rest) => rest.length > 0,
  },
  {
    name: "people",
    screen: () => import("#screens/people/PeopleScreen.svelte"),
    tab: {
      label: () => t("app.nav.people"),
      icon: UsersRound,
      badge: () => 0,
      badgeText: () => "",
    },
    under: "people",
    visible: () => true,
    covers: () => false,
  },
  {
    name: "me",
    screen: () => import("#screens/me/MeScreen.svelte"),
    tab: {
      label: () => t("app.nav.me"),
      icon: CircleUser,
      badge: () => account.waiting,
      badgeText: (count) => t("devices.confirm.waiting", { count }),
    },
    under: "me",
    visible: () => true,
    covers: () => false,
  },
  {
    name: "training",
    screen: async () => {
      await loadLater("training");
      return import("#screens/training/TrainingScreen.svelte");
    },
    tab: null,
    under: "me",
    visible: () => true,
    covers: () => true,
  },
  {
    name: "new",
    screen: () => import("#screens/new/NewScreen.svelte"),
    tab: null,
    under: "chats",
    visible: () => true,
    covers: () => true,
  },
];

let only: readonly string[] | null = null;

/** A page that shows a part of the app has these sections alone. */
export function showOnly(names: readonly string[]): void {
  only = names;
}

const isThere = (one: Section): boolean => (only?.includes(one.name) ?? true) && one.visible();

/** The section of an address; the conversations' for an address that nobody may see here. */
export function sectionOf(name: string): Section {
  return SECTIONS.find((one) => one.name === name && isThere(one)) ?? CHATS;
}

/** The sections of the bar and the rail, in their order. */
export function tabs(): readonly (Section & { readonly tab: Tab })[] {
  return SECTIONS.filter(isThere).flatMap((one) =>
    one.tab === null ? [] : [{ ...one, tab: one.tab }],
  );
}
