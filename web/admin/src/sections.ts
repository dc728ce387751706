/** The console's pages as one table: the navigation and the address read it. */
import BookCheck from "@lucide/svelte/icons/book-check";
import Flag from "@lucide/svelte/icons/flag";
import FileUp from "@lucide/svelte/icons/file-up";
import Fingerprint from "@lucide/svelte/icons/fingerprint-pattern";
import GraduationCap from "@lucide/svelte/icons/graduation-cap";
import House from "@lucide/svelte/icons/house";
import KeyRound from "@lucide/svelte/icons/key-round";
import ArrowLeftRight from "@lucide/svelte/icons/arrow-left-right";
import ListChecks from "@lucide/svelte/icons/list-checks";
import MessagesSquare from "@lucide/svelte/icons/messages-square";
import ListTree from "@lucide/svelte/icons/list-tree";
import Scale from "@lucide/svelte/icons/scale";
import ScrollText from "@lucide/svelte/icons/scroll-text";
import ShieldAlert from "@lucide/svelte/icons/shield-alert";
import Smartphone from "@lucide/svelte/icons/smartphone";
import UsersRound from "@lucide/svelte/icons/users-round";
import type { Right } from "@copconnect/client/wire";
import type { Component } from "svelte";
import { withReportWords } from "#screens/reports/screens.ts";
import { admin } from "./state/admin.svelte.ts";
import type { ConsoleKey } from "./words.ts";

export interface ConsoleSection {
  /** The first part of its addresses. */
  readonly name: string;
  readonly label: ConsoleKey;
  readonly icon: Component<{ size?: number | string }>;
  /** It gets the path below the section. */
  readonly page: () => Promise<{ default: Component<{ rest: readonly string[] }> }>;
  /** Somebody with any of these rights sees it; none: everybody who may open the console. */
  readonly rights: readonly Right[];
  /** The number beside its name; 0: none. */
  readonly count: () => number;
}

const ABOUT_PEOPLE: readonly Right[] = [
  "manage_people",
  "enrol",
  "confirm_devices",
  "revoke_devices",
  "give_grants",
];
const none = (): number => 0;

export const SECTIONS: readonly ConsoleSection[] = [
  {
    name: "home",
    label: "nav.home",
    icon: House,
    page: () => import("./pages/home/Home.svelte"),
    rights: [],
    count: none,
  },
  {
    name: "approvals",
    label: "nav.approvals",
    icon: ListChecks,
    page: () => import("./pages/approvals/Approvals.svelte"),
    rights: [],
    count: () => admin.waits,
  },
  {
    name: "people",
    label: "nav.people",
    icon: UsersRound,
    page: () => import("./pages/people/People.svelte"),
    rights: ABOUT_PEOPLE,
    count: none,
  },
  {
    name: "moves",
    label: "nav.moves",
    icon: ArrowLeftRight,
    page: () => import("./pages/moves/Moves.svelte"),
    rights: ["manage_people"],
    count: none,
  },
  {
    name: "groups",
    label: "nav.groups",
    icon: MessagesSquare,
    page: () => import("./pages/groups/Groups.svelte"),
    rights: ["manage_groups"],
    count: none,
  },
  {
    name: "reports",
    label: "nav.reports",
    icon: Flag,
    page: () => withReportWords(import("./pages/reports/Reports.svelte")),
    rights: ["moderate"],
    count: none,
  },
  {
    name: "conduct",
    label: "nav.conduct",
    icon: BookCheck,
    page: () => import("./pages/conduct/Conduct.svelte"),
    rights: ["edit_conduct"],
    count: none,
  },
  {
    name: "guard",
    label: "nav.guard",
    icon: ShieldAlert,
    page: () => import("./pages/guard/Guard.svelte"),
    rights: ["edit_conduct"],
    count: none,
  },
  {
    name: "holds",
    label: "nav.holds",
    icon: Scale,
    page: () => import("./pages/holds/Holds.svelte"),
    rights: ["hold_messages"],
    count: none,
  },
  {
    name: "units",
    label: "nav.units",
    icon: ListTree,
    page: () => import("./pages/units/Units.svelte"),
    rights: ["manage_units"],
    count: none,
  },
  {
    name: "training",
    label: "nav.training",
    icon: GraduationCap,
    page: () => import("./pages/training/Training.svelte"),
    rights: ["train"],
    count: none,
  },
  {
    name: "imports",
    label: "nav.imports",
    icon: FileUp,
    page: () => import("./pages/imports/Imports.svelte"),
    rights: ["import_people"],
    count: none,
  },
  {
    name: "devices",
    label: "nav.devices",
    icon: Smartphone,
    page: () => import("./pages/devices/Devices.svelte"),
    rights: ABOUT_PEOPLE,
    count: none,
  },
  {
    name: "grants",
    label: "nav.grants",
    icon: KeyRound,
    page: () => import("./pages/grants/Grants.svelte"),
    rights: ["give_grants"],
    count: none,
  },
  {
    name: "rights",
    label: "nav.rights",
    icon: Fingerprint,
    page: () => import("./pages/rights/Rights.svelte"),
    rights: [],
    count: none,
  },
  {
    name: "audit",
    label: "nav.audit",
    icon: ScrollText,
    page: () => import("./pages/audit/Audit.svelte"),
    rights: ["read_audit"],
    count: none,
  },
];

/** The pages that this person may open. */
export function visible(): readonly ConsoleSection[] {
  return SECTIONS.filter(
    ({ rights }) => rights.length === 0 || rights.some((one) => admin.has(one)),
  );
}

/** The page of an address; the first for one that nobody may see here. */
export function sectionOf(name: string): ConsoleSection {
  const all = visible();
  return all.find((one) => one.name === name) ?? (all[0] as ConsoleSection);
}
