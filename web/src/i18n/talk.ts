/** Conversations, previews and notices put into words. */
import {
  wordingIn,
  type ConversationItem,
  type MessageBody,
  type Notice,
  type Plate,
  type Preview,
  type Translated,
  type TranslatedTitle,
} from "@copconnect/client/core";
import { app } from "#app/state/app.svelte.ts";
import { unitName, unitPath } from "#app/state/directory.svelte.ts";
import { formatDate, formatList, nameOf } from "./format.ts";
import { language, t } from "./index.svelte.ts";

/** A person's name, "You" for oneself. */
export function whoOf(plate: Plate): string {
  return plate.personId === app.me?.personId ? t("app.you") : nameOf(plate.names);
}

/** The same within a sentence: "you". */
export function amongOthers(plate: Plate): string {
  return plate.personId === app.me?.personId ? t("app.youAmong") : nameOf(plate.names);
}

/** Whether this device holds nothing yet that could name the conversation. */
export function isNameless({ direct, standing, title, some }: ConversationItem): boolean {
  return direct === null && standing === null && (title ?? "") === "" && some.length === 0;
}

/** The other person's name, the department's for the conversation, its title, or first members. */
export function titleOf(item: ConversationItem): string {
  if (item.direct !== null) return nameOf(item.direct.names);
  // Holders of a post have one with each person who asks.
  if (item.post?.mine === false && item.post.asker !== null) return whoOf(item.post.asker);
  if (item.standing?.about === "orders") return ordersTitle(item.standing);
  if (item.standing !== null) return nameOf(item.standing.title);
  if (item.title !== null && item.title !== "") return item.title;
  const names = item.some.map((plate) => nameOf(plate.names));
  return names.length === 0 ? t("groups.info") : formatList(names);
}

/** For the unit's people "Orders of the DCP, Central Zone", for others "Abids PS: orders of …". */
function ordersTitle({ title, unitId }: NonNullable<ConversationItem["standing"]>): string {
  const post = nameOf(title);
  const own = app.me === null ? [] : unitPath(app.me.unitId).map((unit) => unit.unitId);
  const unit = unitId === null || own.includes(unitId) ? "" : unitName(unitId);
  return unit === "" ? t("chats.ordersOf", { post }) : t("chats.ordersTo", { post, unit });
}

/** "To: SHO, Kachiguda", where it came to a post that this person holds; else "". */
export function toPost({ post, standing }: ConversationItem): string {
  if (post?.mine !== false || standing === null) return "";
  return t("chats.to", { post: nameOf(standing.title) });
}

export function previewText(preview: Preview): string {
  switch (preview.kind) {
    case "text":
      return preview.text;
    case "notice":
      return noticeText(preview.notice);
    case "order":
      return t("orders.preview.order", { title: titleIn(preview) });
    case "order_change":
      return t(`orders.preview.${preview.change}`, { text: titleIn(preview) });
    default: {
      const text = "text" in preview ? preview.text : "";
      return text === "" ? t(`chats.preview.${preview.kind}`) : text;
    }
  }
}

function titleIn(preview: Extract<Preview, { kind: "order" | "order_change" }>): string {
  const all: Translated<TranslatedTitle> = preview;
  return wordingIn(all, language.current).text;
}

function whoList(people: readonly Plate[]): string {
  return formatList(people.map(amongOthers));
}

/** A notice as its own sentence: "You left", "Ravi joined". */
export function noticeText(notice: Notice): string {
  const text = noticeWords(notice);
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

function noticeWords(notice: Notice): string {
  switch (notice.kind) {
    case "added":
    case "registered":
    case "removed":
    case "left":
      return t(`conversation.notice.${notice.kind}`, { people: whoList(notice.people) });
    case "made_admin":
      return t("conversation.notice.madeAdmin", { people: whoList(notice.people) });
    case "revoked_admin":
      return t("conversation.notice.revokedAdmin", { people: whoList(notice.people) });
    case "device_added":
      return deviceAdded(notice.people, notice.by);
    case "device_removed":
      return t("conversation.notice.deviceRemoved", { people: whoList(notice.people) });
    case "history":
      return t("conversation.notice.history", { date: formatDate(notice.fromMs) });
    case "title":
      return notice.by
        ? t("conversation.notice.title", { by: amongOthers(notice.by), title: notice.title })
        : t("conversation.notice.titleHere", { title: notice.title });
    case "photo":
      return notice.by
        ? t("conversation.notice.photo", { by: amongOthers(notice.by) })
        : t("conversation.notice.photoHere");
    case "description":
      return notice.by
        ? t("conversation.notice.description", { by: amongOthers(notice.by) })
        : t("conversation.notice.descriptionHere");
    case "profile_refused":
      return notice.by
        ? t("conversation.notice.profileRefused", { by: amongOthers(notice.by) })
        : t("conversation.notice.profileRefusedHere");
    case "log_differs":
      return notice.by
        ? t("conversation.notice.logDiffers", { by: amongOthers(notice.by) })
        : t("conversation.notice.logDiffersHere");
    case "you_added":
      return t("conversation.notice.youAdded");
    case "restored":
      return t("conversation.notice.restored");
    case "gap":
      return notice.by
        ? t("conversation.notice.gap", { by: amongOthers(notice.by) })
        : t("conversation.notice.gapHere");
    case "edit_refused":
      return about(t("conversation.notice.editRefused"), notice.text);
    case "deletion_refused":
      return about(t("conversation.notice.deletionRefused"), notice.text);
    case "mark_refused":
      return about(t("conversation.notice.markRefused"), notice.text);
    case "state_refused":
      return about(t("conversation.notice.stateRefused"), notice.text);
  }
}

/** A sentence about a message, with the words of the message where it has some. */
function about(said: string, text: string): string {
  return text === "" ? said : t("conversation.notice.about", { said, text });
}

/** A new device always says who vouches for it: its person, somebody else, or nobody. */
function deviceAdded(people: readonly Plate[], by: Plate | null): string {
  const names = whoList(people);
  if (by === null) return t("conversation.notice.deviceAddedFirst", { people: names });
  const own = people.length === 1 && people[0]?.personId === by.personId;
  return own
    ? t("conversation.notice.deviceAddedOwn", { people: names })
    : t("conversation.notice.deviceAdded", { people: names, by: amongOthers(by) });
}

/** The kinds of preview that have their own icon. */
export type PreviewIcon = Exclude<
  Preview["kind"],
  "text" | "notice" | "deleted" | "withheld" | "unsupported"
>;

export function previewIcon({ kind }: Preview): PreviewIcon | null {
  switch (kind) {
    case "text":
    case "notice":
    case "deleted":
    case "withheld":
    case "unsupported":
      return null;
    default:
      return kind;
  }
}

/** The words in place of a message that is gone; null: it is not. */
export function goneText(body: MessageBody): string | null {
  if (body.kind === "withheld") return t("chats.preview.withheld");
  if (body.kind !== "deleted") return null;
  if (body.by === null) return t("chats.preview.deleted");
  return t("chats.preview.removed", { name: whoOf(body.by) });
}
