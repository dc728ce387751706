/**
 * Training: courses of short lessons with quizzes, kept on this device for when there is no network.
 * The server turns a lesson's text into blocks; nothing here is HTML. Times are ms since 1970.
 */
import type { LessonId } from "../ids.ts";
import type { CourseName, Language, LessonPage, LessonSpan, Practice } from "../wire.ts";

export type { CourseName, Practice } from "../wire.ts";

export interface LessonItem {
  readonly id: LessonId;
  readonly title: string;
  readonly minutes: number;
  /** The version that is in force. */
  readonly version: number;
  /** When this person did it on any device; null: not yet. Set at once, also offline. */
  readonly doneMs: number | null;
  /** It has changed since this person did it. */
  readonly changed: boolean;
  /** It is on this device and opens without a network. */
  readonly kept: boolean;
}

export interface Course {
  readonly id: CourseName;
  readonly lessons: readonly LessonItem[];
  /** How many of them this person has done. */
  readonly done: number;
  /** When the last one of them was done; null: not all are, or the server has not heard of it yet. */
  readonly completedMs: number | null;
  readonly certificateReady: boolean;
}

export interface TrainingView {
  readonly courses: readonly Course[];
  /** Writing in groups of at least so many members opens with the officer course; null: it is open. */
  readonly closedFrom: number | null;
  /** Lessons done here whose news has not reached the server yet. */
  readonly waiting: number;
  /** A course is overdue, or somebody asked for it: the app says so where it can be seen. */
  readonly remind: boolean;
  /** Practices that were done on this device: a lesson asks its questions after its own. */
  readonly practised: readonly Practice[];
}

/** One item of a list or line of text. */
export type TextLine = readonly LessonSpan[];

export type LessonBlock = LessonPage["screens"][number][number];

export interface Lesson {
  readonly id: LessonId;
  readonly audience: CourseName;
  readonly title: string;
  readonly minutes: number;
  readonly version: number;
  /** That was asked for; the text is English where the lesson has none in it. */
  readonly language: Language;
  readonly practice: Practice | null;
  /** One screen after another; each quiz has its own screen. */
  readonly screens: readonly (readonly LessonBlock[])[];
  /** How many of its questions a try asks. */
  readonly asked: number;
  /** How many of these must be answered rightly at the first choice. */
  readonly needed: number;
}
