/**
 * The service worker's answer to a push: a push says nothing, so the worker fetches and decrypts with
 * this device's core, and writes the notification here.
 *
 * Invariants: a page that shows the app is the one that tells, not this; a device whose app is
 * locked says "New message"; so does one that could not fetch in time, because a browser takes the
 * right to push away from apps that show nothing. Browsers give a push about 30 seconds.
 */
import type {
  AppState,
  ConnectedCore,
  ConversationItem,
  CoreEvent,
  MessageItem,
  OrderView,
  ReactionNotice,
} from "@copconnect/client/core";
import { visitCore } from "@copconnect/client/host/visit";
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import {
  AWAY,
  awayNotice,
  hideNotices,
  lessonsNotice,
  noticeOf,
  reactionNotice,
  reactionTag,
  reminderOf,
  plainNotice,
  type Notice,
  type NoticeData,
} from "./notice.ts";
import { readSettings, type PushSettings } from "./settings.ts";

/** For opening the vault, connecting, fetching and decrypting, on a slow phone. */
const LIMIT_MS = 20_000;
/** When no event comes for so long after catching up, all notifications have been shown. */
const SETTLED_MS = 1_000;
const LOOK_MS = 100;
/** Orders that one push reminds of. */
const MOST_REMINDERS = 3;

interface News {
  readonly item: MessageItem;
  /** Somebody's reaction to `item`, which this person wrote. */
  readonly reaction: ReactionNotice | null;
  readonly conversation: ConversationItem | null;
}

/**
 * Fetch what is new; return the newest message and reaction of each conversation that deserve a notice. Null: the
 * server turned this device away.
 */
async function fetchNews(): Promise<readonly News[] | null> {
  const told = new Map<string, Omit<News, "conversation">>();
  let state: AppState | null = null;
  let movedMs = Date.now();
  const listen = (event: CoreEvent): void => {
    if (event.type === "app") state = event.state;
    else if (event.type === "notify") {
      const { conversationId: id, item, reaction = null } = event;
      told.set(reaction === null ? id : reactionTag(id), { item, reaction });
    }
    movedMs = Date.now();
  };
  const work = async (core: ConnectedCore): Promise<readonly News[] | null> => {
    state = await core.app.start();
    void core.app.networkChanged(true);
    movedMs = Date.now();
    while (!settled(state, movedMs)) {
      if (state.phase !== "ready") return state.phase === "signed_out" ? null : [];
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      state = await core.app.state();
    }
    return Promise.all(
      [...told.values()].map(async (news) => ({
        ...news,
        conversation: await core.conversations.get(news.item.conversationId).catch(() => null),
      })),
    );
  };
  return within(visitCore(work, listen), LIMIT_MS);
}

function settled(state: AppState, movedMs: number): boolean {
  const there = state.connection === "online" && !state.catchingUp;
  return there && Date.now() - movedMs > SETTLED_MS;
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("late")), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A page that somebody looks at tells on its own. */
async function lookedAt(scope: ServiceWorkerGlobalScope): Promise<boolean> {
  const pages = await scope.clients.matchAll({ type: "window", includeUncontrolled: true });
  return pages.some((page) => page.visibilityState === "visible" && page.focused);
}

export async function onPush(scope: ServiceWorkerGlobalScope): Promise<void> {
  if (await lookedAt(scope)) return;
  const settings = await readSettings();
  // Chromium lists no notification that it is just bringing to the screen, and forgets it when it is asked then.
  const before = await scope.registration.getNotifications();
  const news = await tellNews(scope, settings);
  if (news === null) return show(scope, awayNotice(true, settings, new Date()));
  const away = before.find(({ tag }) => tag === AWAY);
  if (away !== undefined && news === 0) return show(scope, awayNotice(false, settings, new Date()));
  away?.close();
  if (news > 0) before.find(({ tag }) => tag === "new")?.close();
  else if ((await remind(scope, settings)) === 0 && before.length === 0)
    await show(scope, plainNotice(settings, new Date()));
}

interface Owed {
  readonly orders: readonly OrderView[];
  readonly lessons: boolean;
}
const NOTHING: Owed = { orders: [], lessons: false };

/**
 * A push that brought no message: the server woke people who owe an acknowledgement, or what an order asks
 * for after it, or lessons. Returns how many notices it shows.
 */
async function remind(scope: ServiceWorkerGlobalScope, settings: PushSettings): Promise<number> {
  const work = async (core: ConnectedCore): Promise<Owed> => {
    const { phase } = await core.app.start();
    if (phase !== "ready") return NOTHING;
    const { orders } = await core.orders.page({ box: "open" });
    const owed = orders.filter((order) => order.owed);
    if (owed.length > 0) return { orders: owed, lessons: false };
    // An open checklist or a missing photo may stay for weeks: it hides no lessons.
    return { orders, lessons: (await core.training.courses(settings.language)).remind };
  };
  const found = visitCore(work, () => undefined).catch(() => NOTHING);
  const owed = await within(found, LIMIT_MS / 4).catch(() => NOTHING);
  const notices = owed.orders
    .slice(0, MOST_REMINDERS)
    .map((order) => reminderOf(order, settings, new Date()));
  if (owed.lessons) notices.push(lessonsNotice(settings, new Date()));
  for (const notice of notices) await show(scope, notice);
  return notices.length;
}

/** A browser without pushes lets the worker look now and then: it tells what is new, if anything. */
export async function onLook(scope: ServiceWorkerGlobalScope): Promise<void> {
  if (!(await lookedAt(scope))) await tellNews(scope, await readSettings());
}

export function show(scope: ServiceWorkerGlobalScope, notice: Notice): Promise<void> {
  return scope.registration.showNotification(notice.title, notice.options);
}

/** Fetch and show; return how many notices there are. Null: the server turned this device away. */
async function tellNews(
  scope: ServiceWorkerGlobalScope,
  settings: PushSettings,
): Promise<number | null> {
  let news: readonly News[] | null = [];
  try {
    news = await fetchNews();
  } catch {
    // Late, or no network: see the invariant.
  }
  if (news === null) {
    await hideNotices(scope.registration);
    return null;
  }
  for (const { item, reaction, conversation } of news) {
    const now = new Date();
    const notice =
      reaction === null
        ? noticeOf(item, conversation, settings, now)
        : reactionNotice(item, reaction, settings, now);
    await show(scope, notice);
  }
  return news.length;
}

export async function markRead(
  conversationId: ConversationId,
  messageId: MessageId,
): Promise<void> {
  const work = async (core: ConnectedCore): Promise<void> => {
    await core.app.start();
    await core.messages.markRead(conversationId, messageId);
    await leaveTime(core);
  };
  await within(
    visitCore(work, () => undefined),
    LIMIT_MS,
  ).catch(() => undefined);
}

/** The end of a reply. `barred`: a sanction closes the conversation. */
export type ReplyEnd =
  | { readonly kind: "stored" | "failed" }
  | { readonly kind: "barred"; readonly untilMs: number };

/**
 * Send a reply that was written in a notification; `stored`: it is in the outbox. From there it
 * leaves now, or with the next visit or page.
 */
export async function sendReply(data: NoticeData, text: string): Promise<ReplyEnd> {
  let end: ReplyEnd = { kind: "failed" };
  const work = async (core: ConnectedCore): Promise<void> => {
    const { phase } = await core.app.start();
    if (phase !== "ready") return;
    const { barred } = await core.conversations.get(data.conversationId);
    if (barred !== null && barred.untilMs !== null) {
      end = { kind: "barred", untilMs: barred.untilMs };
      return;
    }
    await core.messages.send(data.conversationId, { kind: "text", text, mentions: [] }, null);
    end = { kind: "stored" };
    await core.messages.markRead(data.conversationId, data.messageId);
    await leaveTime(core);
  };
  await within(
    visitCore(work, () => undefined),
    LIMIT_MS,
  ).catch(() => undefined);
  return end;
}

/** Cursors and messages leave with the connection. */
async function leaveTime(core: ConnectedCore): Promise<void> {
  const until = Date.now() + LIMIT_MS / 2;
  const gone = ({ connection, outbox }: AppState): boolean =>
    connection === "online" && outbox === 0;
  while (!gone(await core.app.state()) && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
}

/** The browser gave the subscription another endpoint: tell the server. */
export async function onSubscriptionChange(scope: ServiceWorkerGlobalScope): Promise<void> {
  const work = async (core: ConnectedCore): Promise<void> => {
    await core.app.start();
    const made = await scope.registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: await core.pushes.key(),
    });
    await core.pushes.subscribe(made.endpoint);
  };
  await within(
    visitCore(work, () => undefined),
    LIMIT_MS,
  );
}
