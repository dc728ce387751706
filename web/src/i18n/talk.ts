/** Conversations, previews and notices put into words. */
import type { ConversationItem, Notice, Plate, Preview } from "@copconnect/client/core";
import { app } from "../app/app.svelte.ts";
import { directory } from "../app/directory.svelte.ts";
import { formatList, formatNumber, nameOf } from "./format.ts";
import { t } from "./index.svelte.ts";

/** A person's name, "You" for oneself. */
export function whoOf(plate: Plate): string {
  return plate.personId === app.me?.personId ? t("app.you") : nameOf(plate.names);
}

/** The units whose conversation it is; the whole organisation's name for everyone's. */
function audienceName({ audience }: ConversationItem): string {
  if (audience === null) return "";
  const { everyone, unitIds } = audience;
  const units = everyone ? [directory.root()] : unitIds.map((id) => directory.unit(id));
  const known = units.filter((unit) => unit !== undefined);
  return formatList(known.map(({ names }) => nameOf(names)));
}

/** What a conversation is called: its title, the other person, or its first members. */
export function titleOf(item: ConversationItem): string {
  if (item.direct !== null) return nameOf(item.direct.names);
  const units = audienceName(item);
  if (units !== "") return units;
  if (item.title !== null && item.title !== "") return item.title;
  const names = item.some.map((plate) => nameOf(plate.names));
  return names.length === 0 ? t("groups.info") : formatList(names);
}

export function previewText(preview: Preview): string {
  switch (preview.kind) {
    case "text":
      return preview.text;
    case "notice":
      return noticeText(preview.notice);
    case "location":
      return t("chats.preview.location");
    case "unsupported":
      return t("chats.preview.unsupported");
    default:
      return preview.text === "" ? t(`chats.preview.${preview.kind}`) : preview.text;
  }
}

function whoList(people: readonly Plate[]): string {
  const names = people.map((plate) =>
    plate.personId === app.me?.personId ? t("app.youAmong") : nameOf(plate.names),
  );
  return formatList(names);
}

/** A notice as a sentence of its own: "You left", "Ravi removed you". */
export function noticeText(notice: Notice): string {
  const text = noticeWords(notice);
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

function noticeWords(notice: Notice): string {
  switch (notice.kind) {
    case "created":
      return notice.by
        ? t("conversation.notice.created", { by: whoOf(notice.by) })
        : t("conversation.notice.createdHere");
    case "added":
    case "removed": {
      if (notice.people.length === 0) {
        const { count } = notice;
        return t(`conversation.notice.${notice.kind}Count`, { count, number: formatNumber(count) });
      }
      const people = whoList(notice.people);
      return notice.by
        ? t(`conversation.notice.${notice.kind}`, { by: whoOf(notice.by), people })
        : t(`conversation.notice.${notice.kind}Here`, { people });
    }
    case "left":
      return t("conversation.notice.left", { people: whoList(notice.people) });
    case "device_added":
      return t("conversation.notice.deviceAdded", { people: whoList(notice.people) });
    case "device_removed":
      return t("conversation.notice.deviceRemoved", { people: whoList(notice.people) });
    case "made_admin": {
      const people = whoList(notice.people);
      return notice.by
        ? t("conversation.notice.madeAdmin", { by: whoOf(notice.by), people })
        : t("conversation.notice.madeAdminHere", { people });
    }
    case "revoked_admin": {
      const people = whoList(notice.people);
      return notice.by
        ? t("conversation.notice.revokedAdmin", { by: whoOf(notice.by), people })
        : t("conversation.notice.revokedAdminHere", { people });
    }
    case "title":
      return notice.by
        ? t("conversation.notice.title", { by: whoOf(notice.by), title: notice.title })
        : t("conversation.notice.titleHere", { title: notice.title });
    case "photo":
      return notice.by
        ? t("conversation.notice.photo", { by: whoOf(notice.by) })
        : t("conversation.notice.photoHere");
    case "profile_refused":
      return notice.by
        ? t("conversation.notice.profileRefused", { by: whoOf(notice.by) })
        : t("conversation.notice.profileRefusedHere");
    case "joined_here":
      return t("conversation.notice.joinedHere");
    case "damaged":
      return t("conversation.notice.damaged");
    case "gap":
      return t("conversation.notice.gap");
  }
}

/** The kinds of preview that have an icon of their own. */
export type PreviewIcon = Exclude<Preview["kind"], "text" | "notice" | "unsupported">;

export function previewIcon(preview: Preview): PreviewIcon | null {
  return preview.kind === "text" || preview.kind === "notice" || preview.kind === "unsupported"
    ? null
    : preview.kind;
}
