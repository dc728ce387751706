/**
 * Training on this device: the courses of the server's newest answer, lessons kept for when there is
 * no network, and completed lessons that this device has not yet reported to the server.
 *
 * Invariants: a completed lesson is stored before the device reports it, and reported until the server
 * has stored it, in whichever order the lessons were done; kept lessons are shown at once and asked for
 * again beside it; a lesson whose digest is another is fetched again. Lessons are fetched once at a
 * time, and the kept lessons change by one change at a time.
 */
import type { Context } from "../context.ts";
import { failure, hasCode } from "../failure.ts";
import type { LessonId } from "../ids.ts";
import { HOUR_MS } from "../keys/format/times.ts";
import type { Course, Lesson, LessonItem, Practice, TrainingView } from "../seam/training.ts";
import { SerialQueue } from "../serial-queue.ts";
import { META, putMeta } from "../vault/changes.ts";
import type { Language, LessonDone, LessonPage, QuizAnswer, Training as Told } from "../wire.ts";

export const LESSON_STORE = "lessons";
const KEPT = "training";
/** Without an event that asks for it, the device asks the server at most this often. */
const ASK_MS = 6 * HOUR_MS;

/** Lessons are fetched within so long of the first word of them: a whole force comes on one day. */
const SPREAD_MS = 15 * 60_000;

interface DoneRecord extends LessonDone {
  readonly doneMs: number;
}

/** `meta/training`. */
interface StoredTraining {
  readonly language: Language;
  /** Null: nothing was heard of the server yet. */
  readonly told: Told | null;
  readonly waiting: readonly DoneRecord[];
  /** Practices that were done on this device. */
  readonly practised: readonly Practice[];
}

const NOTHING: StoredTraining = { language: "en", told: null, waiting: [], practised: [] };

export interface TrainingOptions {
  readonly context: Pick<Context, "vault" | "now" | "emit"> & {
    readonly api: Pick<Context["api"], "training" | "lesson" | "lessonsDone">;
  };
  /** Large groups are closed or open now. */
  readonly onClosed: () => void;
}

export class Training {
  readonly #options: TrainingOptions;
  #kept: StoredTraining = NOTHING;
  #loading: Promise<void> | null = null;
  #lessons: Promise<void> | null = null;
  #keeping: Promise<void> | null = null;
  #sending: Promise<void> | null = null;
  #askedMs: number | null = null;
  #held = new Map<string, string>();
  readonly #changing = new SerialQueue();
  #later: ReturnType<typeof setTimeout> | null = null;

  constructor(options: TrainingOptions) {
    this.#options = options;
  }

  /** Forget what is in memory: the app was locked, or the account is another. */
  reset(): void {
    this.#kept = NOTHING;
    this.#loading = null;
    this.#lessons = null;
    this.#askedMs = null;
    this.#held = new Map();
    if (this.#later !== null) clearTimeout(this.#later);
    this.#later = null;
  }

  /** Writing in groups of at least so many members opens with the officer course; null: it is open. */
  get closedFrom(): number | null {
    return this.#kept.told?.closedFrom ?? null;
  }

  /** A start needs the server's last answer and none of the lessons. */
  load(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      // Work that was under way at the lock asks here too, and the next unlock reads again.
      this.#loading = null;
      throw error;
    });
    return this.#loading;
  }

  /** Read the lessons as well, to know which are kept. */
  async #whole(): Promise<void> {
    await this.load();
    this.#lessons ??= this.#loadLessons().catch((error: unknown) => {
      // The next call reads again.
      this.#lessons = null;
      throw error;
    });
    await this.#lessons;
  }

  /** A connection is up: tell what was done, and ask again if it is time. Rejects with `network`. */
  async onReady(): Promise<void> {
    await this.#whole();
    await this.#send();
    const now = this.#options.context.now();
    if (this.#askedMs !== null && Math.abs(now - this.#askedMs) < ASK_MS) return;
    await this.ask();
  }

  /** Ask for the courses; their lessons are fetched within a while. Rejects with `network`. */
  async ask(language?: Language): Promise<void> {
    await this.#whole();
    const { api, now } = this.#options.context;
    const chosen = language ?? this.#kept.language;
    await this.#told(await api.training({ language: chosen }), chosen);
    this.#askedMs = now();
    this.#later ??= setTimeout(() => {
      this.#later = null;
      void this.#keepLessons().catch(ignore);
    }, Math.random() * SPREAD_MS);
  }

  /**
   * An app asks each time it opens, and needs the lessons later; a screen that lists them has them
   * fetched now.
   */
  async courses(language: Language, lessons: "now" | "later" = "later"): Promise<TrainingView> {
    await this.#whole();
    const { told, language: known } = this.#kept;
    const asked = this.ask(language);
    if (lessons === "now") void asked.then(() => this.#keepLessons()).catch(ignore);
    if (told !== null && known === language) {
      void asked.catch(ignore);
      return this.view();
    }
    try {
      await asked;
    } catch (error) {
      // Titles in another language are better than none.
      if (told === null || !hasCode(error, "network", "overloaded")) throw error;
    }
    return this.view();
  }

  async lesson(id: LessonId, language: Language): Promise<Lesson> {
    await this.#whole();
    const { vault, api } = this.#options.context;
    const key = keyOf(id, language);
    const kept = await vault.get<LessonPage>(LESSON_STORE, key);
    if (kept !== null && this.#held.get(key) === this.#digestOf(id, language))
      return lessonOf(kept);
    try {
      const page = await api.lesson(id, { language });
      await this.#keep(page, key);
      return lessonOf(page);
    } catch (error) {
      // A former version is better than none.
      if (kept === null || !hasCode(error, "network", "overloaded")) throw error;
      return lessonOf(kept);
    }
  }

  async practiceDone(name: Practice): Promise<TrainingView> {
    await this.#whole();
    await this.#change((kept) => ({
      ...kept,
      practised: [...kept.practised.filter((one) => one !== name), name],
    }));
    return this.view();
  }

  async lessonDone(
    { id, version, language }: Pick<Lesson, "id" | "version" | "language">,
    answers: readonly QuizAnswer[],
  ): Promise<TrainingView> {
    await this.#whole();
    const known = this.#kept.told?.courses.flatMap((one) => one.lessons) ?? [];
    if (!known.some((one) => one.lessonId === id)) throw failure("not_found");
    const doneMs = this.#options.context.now();
    const done: DoneRecord = { lessonId: id, version, language, answers: [...answers], doneMs };
    await this.#change((kept) => ({
      ...kept,
      waiting: [...kept.waiting.filter((one) => one.lessonId !== id), done],
    }));
    void this.#send().catch(ignore);
    return this.view();
  }

  /** As it is known here. */
  view(): TrainingView {
    const { told, waiting } = this.#kept;
    return {
      courses: (told?.courses ?? []).map((one) => this.#course(one)),
      closedFrom: this.closedFrom,
      waiting: waiting.length,
      remind: told?.remind ?? false,
      practised: this.#kept.practised,
    };
  }

  #course(told: Told["courses"][number]): Course {
    const lessons = told.lessons.map((one): LessonItem => {
      const here = this.#kept.waiting.find(({ lessonId }) => lessonId === one.lessonId);
      const version = Math.max(one.doneVersion ?? 0, here?.version ?? 0);
      return {
        id: one.lessonId,
        title: one.title,
        minutes: one.minutes,
        version: one.version,
        doneMs: one.doneMs ?? here?.doneMs ?? null,
        changed: version > 0 && version < one.version,
        kept: this.#held.get(keyOf(one.lessonId, this.#kept.language)) === one.digest,
      };
    });
    return {
      id: told.course,
      lessons,
      done: lessons.filter((one) => one.doneMs !== null).length,
      completedMs: told.completedMs,
      certificateReady: told.completedMs !== null,
    };
  }

  async #load(): Promise<void> {
    const { vault } = this.#options.context;
    const kept = await vault.get<StoredTraining>(META, KEPT);
    if (kept !== null) this.#kept = kept;
  }

  async #loadLessons(): Promise<void> {
    for (const page of await this.#options.context.vault.all<LessonPage>(LESSON_STORE))
      this.#held.set(keyOf(page.lessonId, page.language), page.digest);
  }

  /** A lesson's digest in the server's newest answer; null: that answer is in another language. */
  #digestOf(id: LessonId, language: Language): string | null {
    if (language !== this.#kept.language) return null;
    const all = this.#kept.told?.courses.flatMap((one) => one.lessons) ?? [];
    return all.find((one) => one.lessonId === id)?.digest ?? null;
  }

  /** Fetch the lessons that are not kept, or are others now. */
  #keepLessons(): Promise<void> {
    this.#keeping ??= this.#fetch().finally(() => {
      this.#keeping = null;
    });
    return this.#keeping;
  }

  async #fetch(): Promise<void> {
    const { api, emit } = this.#options.context;
    const { told, language } = this.#kept;
    let fetched = false;
    for (const one of told?.courses.flatMap(({ lessons }) => lessons) ?? []) {
      const key = keyOf(one.lessonId, language);
      if (this.#held.get(key) === one.digest) continue;
      await this.#keep(await api.lesson(one.lessonId, { language }), key);
      fetched = true;
    }
    if (fetched) emit({ type: "training", view: this.view() });
  }

  async #keep(page: LessonPage, key: string): Promise<void> {
    const { vault } = this.#options.context;
    // Under the language that was asked for: English may replace it.
    const value = { ...page, language: languageOf(key) };
    await vault.write([{ op: "put", store: LESSON_STORE, key, value }]);
    this.#held.set(key, page.digest);
  }

  #send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null;
    });
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    const { api } = this.#options.context;
    while (this.#kept.waiting.length > 0) {
      const sent = this.#kept.waiting.slice(0, 100);
      const lessons = sent.map(({ doneMs: _, ...one }) => one);
      const { language } = this.#kept;
      const told = await api.lessonsDone({ lessons }, { language });
      await this.#told(told, language, sent);
    }
  }

  /** Keep what the server told, which has heard of the lessons `sent`. */
  async #told(told: Told, language: Language, sent: readonly DoneRecord[] = []): Promise<void> {
    const before = this.closedFrom;
    await this.#change(({ waiting, practised }) => ({
      ...{ language, told, practised },
      waiting: waiting.filter((one) => !sent.includes(one)),
    }));
    this.#options.context.emit({ type: "training", view: this.view() });
    if (this.closedFrom !== before) this.#options.onClosed();
  }

  #change(change: (kept: StoredTraining) => StoredTraining): Promise<void> {
    return this.#changing.run(async () => {
      // After a lock and an unlock memory holds nothing yet, and the stored lessons would be lost.
      await this.load();
      const next = change(this.#kept);
      await this.#options.context.vault.write([putMeta(KEPT, next)], true);
      this.#kept = next;
    });
  }
}

/** Whether a conversation is closed to this person before the officer course. */
export function isClosed(
  closedFrom: number | null,
  { members }: { readonly members: number },
): boolean {
  return closedFrom !== null && members >= closedFrom;
}

function keyOf(id: LessonId, language: Language): string {
  return `${id}/${language}`;
}

function languageOf(key: string): Language {
  return key.slice(key.lastIndexOf("/") + 1) as Language;
}

function lessonOf(page: LessonPage): Lesson {
  const { lessonId, course, digest: _, ...rest } = page;
  return { id: lessonId, audience: course, ...rest };
}

/** The next connection or the next question tries again. */
function ignore(): void {
  // Nothing to do.
}
