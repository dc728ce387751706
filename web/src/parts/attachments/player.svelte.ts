/**
 * The one sound that plays: it continues when its message scrolls away and in other chats, and when a voice
 * note ends, the next one of its chat begins.
 *
 * Invariants: at most one sound plays; it ends with its message; a lock or a sign-out stops it and forgets
 * all places. The lock
 * screen of the phone learns that a voice note plays, and neither whose nor what it says.
 */
import type { AttachmentId } from "@copconnect/client/wire";
import type { AttachmentView, CoreEvent, MessageItem } from "@copconnect/client/core";
import { SvelteMap } from "svelte/reactivity";
import { core } from "#app/core.ts";
import { onCoreEvent, onLeaving } from "#app/state/app.svelte.ts";
import { sounding } from "#app/state/sounding.svelte.ts";
import { t } from "#i18n/index.svelte.ts";
import { objectUrls } from "#media/object-urls.ts";
import { HeldFile } from "./transfer.svelte.ts";

const SPEEDS = [1, 1.5, 2] as const;
/** Keys, and the phone's own buttons, move by this much. */
export const STEP_S = 5;
/** The next voice note is one of so many messages. */
const AHEAD = 60;

export interface Track {
  readonly attachment: AttachmentView;
  /** The message that holds it; null: of something else, such as a draft. */
  readonly message: Pick<MessageItem, "conversationId" | "messageId" | "sender" | "mine"> | null;
}

/** A message's voice note after this one; of all, where it is null. Pure. */
function noteAfter(
  { body }: MessageItem,
  attachmentId: AttachmentId | null,
): AttachmentView | null {
  const files = body.kind === "attachments" ? body.attachments : [];
  const from =
    attachmentId === null ? 0 : files.findIndex((one) => one.attachmentId === attachmentId) + 1;
  return files.slice(from).find(({ kind }) => kind === "voice") ?? null;
}

/** Whether an event takes a sound from this device, with its message. Pure. */
function takesAway(event: CoreEvent, { attachment, message }: Track): boolean {
  if (message === null || !("conversationId" in event)) return false;
  if (event.conversationId !== message.conversationId) return false;
  if (event.type === "message_removed") return event.messageId === message.messageId;
  if (event.type !== "messages") return event.type === "conversation_gone";
  return event.items.some(({ messageId, body }) => {
    if (messageId !== message.messageId) return false;
    const files = "attachments" in body ? body.attachments : [];
    return files.every(({ attachmentId }) => attachmentId !== attachment.attachmentId);
  });
}

class Player {
  track = $state.raw<Track | null>(null);
  playing = $state(false);
  speed = $state<(typeof SPEEDS)[number]>(1);
  broken = $state(false);
  readonly file = new HeldFile();
  /** The position at which each sound was left, in seconds. */
  readonly #places = new SvelteMap<AttachmentId, number>();
  #audio: HTMLAudioElement | null = null;

  isCurrent(attachmentId: AttachmentId): boolean {
    return this.track?.attachment.attachmentId === attachmentId;
  }

  get failed(): boolean {
    return this.broken || this.file.failed;
  }

  secondsOf(attachmentId: AttachmentId): number {
    return this.#places.get(attachmentId) ?? 0;
  }

  async toggle(track: Track): Promise<void> {
    const { attachmentId, sha256 } = track.attachment;
    if (this.isCurrent(attachmentId) && this.playing) return this.pause();
    if (!this.isCurrent(attachmentId)) {
      this.#stop();
      this.track = track;
      sounding.set(true);
    }
    this.broken = false;
    const url = await this.file.get(attachmentId, sha256 ?? null);
    // Meanwhile the person may have chosen another, or none.
    if (url === null || !this.isCurrent(attachmentId)) return;
    const audio = (this.#audio ??= this.#made(url, attachmentId));
    audio.playbackRate = this.speed;
    try {
      await audio.play();
      this.#tellSystem();
    } catch {
      if (this.#audio !== audio) return;
      this.broken = true;
      this.playing = false;
      this.#audio = null;
    }
  }

  pause(): void {
    this.#audio?.pause();
  }

  /** Stop it and take the bar away. */
  close(): void {
    this.#stop();
    this.track = null;
    sounding.set(false);
    const session = systemSession();
    if (session !== null) session.metadata = null;
  }

  take(event: CoreEvent): void {
    const { track } = this;
    if (track === null || !takesAway(event, track)) return;
    const { attachmentId } = track.attachment;
    this.close();
    this.#places.delete(attachmentId);
    objectUrls.revoke(attachmentId);
  }

  forget(): void {
    this.close();
    this.#places.clear();
  }

  seek({ attachmentId, durationMs }: AttachmentView, to: number): void {
    const end = Math.max(0, (durationMs ?? 0) / 1000 - 0.05);
    const seconds = Math.min(Math.max(0, to), end);
    this.#places.set(attachmentId, seconds);
    if (this.#audio !== null && this.isCurrent(attachmentId)) this.#audio.currentTime = seconds;
  }

  /** The next speed, for what plays now and later. */
  faster(): void {
    this.speed = SPEEDS[(SPEEDS.indexOf(this.speed) + 1) % SPEEDS.length] ?? 1;
    if (this.#audio !== null) this.#audio.playbackRate = this.speed;
  }

  #stop(): void {
    this.#audio?.pause();
    this.#audio = null;
    this.playing = false;
    this.broken = false;
    this.file.letGo();
  }

  #made(url: string, attachmentId: AttachmentId): HTMLAudioElement {
    const audio = new Audio(url);
    const seconds = this.secondsOf(attachmentId);
    if (seconds > 0) audio.currentTime = seconds;
    const current = (act: () => void) => () => {
      if (this.#audio === audio) act();
    };
    audio.addEventListener(
      "play",
      current(() => (this.playing = true)),
    );
    audio.addEventListener(
      "pause",
      current(() => (this.playing = false)),
    );
    audio.addEventListener(
      "timeupdate",
      current(() => this.#places.set(attachmentId, audio.currentTime)),
    );
    audio.addEventListener(
      "ended",
      current(() => {
        this.#places.delete(attachmentId);
        audio.currentTime = 0;
        void this.#playNext();
      }),
    );
    return audio;
  }

  async #playNext(): Promise<void> {
    const ended = this.track;
    const next = ended === null ? null : await nextOf(ended).catch(() => null);
    if (this.track !== ended) return;
    if (next === null) this.close();
    else await this.toggle(next);
  }

  /** The lock screen's and the headset's buttons. */
  #tellSystem(): void {
    const session = systemSession();
    if (session === null) return;
    const title = t(
      this.track?.attachment.kind === "voice" ? "media.play.voice" : "media.play.audio",
    );
    session.metadata = new MediaMetadata({ title, artist: t("app.name") });
    const move = (seconds: number): void => {
      const attachment = this.track?.attachment;
      if (attachment) this.seek(attachment, this.secondsOf(attachment.attachmentId) + seconds);
    };
    const again = (): void => {
      if (this.track !== null && !this.playing) void this.toggle(this.track);
    };
    session.setActionHandler("play", again);
    session.setActionHandler("pause", () => this.pause());
    session.setActionHandler("stop", () => this.close());
    session.setActionHandler("seekbackward", () => move(-STEP_S));
    session.setActionHandler("seekforward", () => move(STEP_S));
  }
}

/** Null where the system has no buttons for sounds. */
function systemSession(): MediaSession | null {
  const { navigator } = globalThis as { readonly navigator?: Partial<Navigator> };
  return navigator?.mediaSession ?? null;
}

/** The voice note after one, in its message or in one of the next. */
async function nextOf({ attachment, message }: Track): Promise<Track | null> {
  if (message === null || attachment.kind !== "voice") return null;
  const { conversationId, messageId } = message;
  const here = await core().messages.around(conversationId, messageId, 1);
  const { messages: later } = await core().messages.after(conversationId, messageId, AHEAD);
  for (const one of [...here.messages.filter((each) => each.messageId === messageId), ...later]) {
    const note = noteAfter(one, one.messageId === messageId ? attachment.attachmentId : null);
    if (note !== null) return { attachment: note, message: one };
  }
  return null;
}

export const player = new Player();

onCoreEvent((event) => player.take(event));
onLeaving(() => player.forget());
