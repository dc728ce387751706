/**
 * Training: courses of short lessons with quizzes, kept on this device for when there is no network.
 * The server turns a lesson's text into blocks; nothing here is HTML. Times are ms since 1970.
 */
import type { LessonId } from "../ids.ts";
import type { Bytes } from "../octets.ts";
import type {
  CourseName,
  Language,
  LessonPreview,
  LessonState,
  Practice,
  PreviewLesson,
  TrainingProgress,
  TrainingReminded,
  Untrained,
  WrittenLesson,
} from "../wire.ts";

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
}

export interface Span {
  readonly text: string;
  readonly bold: boolean;
  readonly italic: boolean;
}

/** One item of a list or line of text. */
export type Line = readonly Span[];

export interface QuizOption {
  readonly text: string;
  readonly right: boolean;
  /** Why it is right or wrong, for whoever chooses it. */
  readonly why: string;
}

export type LessonBlock =
  | { readonly type: "heading"; readonly level: 2 | 3; readonly line: Line }
  | { readonly type: "paragraph"; readonly line: Line }
  | { readonly type: "list"; readonly ordered: boolean; readonly items: readonly Line[] }
  | {
      readonly type: "image";
      readonly alt: string;
      readonly mediaType: "image/png" | "image/jpeg" | "image/webp";
      readonly data: Uint8Array;
    }
  /** Exactly one option is right. */
  | { readonly type: "quiz"; readonly question: string; readonly options: readonly QuizOption[] };

export interface Lesson {
  readonly id: LessonId;
  readonly audience: CourseName;
  readonly title: string;
  readonly minutes: number;
  readonly version: number;
  /** That was asked for; the text is English where the lesson has none in it. */
  readonly language: Language;
  readonly practice: Practice | null;
  /** One screen after another; quizzes stand on screens of their own. */
  readonly screens: readonly (readonly LessonBlock[])[];
}

/** The calls of `training(method, ...)` of core.ts. */
export interface TrainingCore {
  /**
   * From the vault at once where it is there; asks the server where it can be reached. Lessons that
   * are not on this device are fetched beside it now, or within a quarter of an hour.
   */
  courses(language: Language, lessons?: "now" | "later"): Promise<TrainingView>;
  /** Rejects with `network` where it is not on this device and there is no network. */
  lesson(id: LessonId, language: Language): Promise<Lesson>;
  /** Keeps it and tells the server now or later; a second time changes nothing. */
  lessonDone(id: LessonId, version: number, rightFirstTime: number): Promise<TrainingView>;
  /** A PDF. Rejects with `course_unfinished`, `network`. */
  certificate(course: CourseName, language: Language): Promise<Bytes>;

  // For the console, with the right `train`. Lessons are published by the act `publish_lesson`.
  progress(course: CourseName, path: string): Promise<TrainingProgress>;
  untrained(course: CourseName, path: string, after: string | null): Promise<Untrained>;
  /**
   * Have those at or below a unit reminded who have not done a course that is for them; nobody twice
   * within a week, of whichever course.
   */
  remindOfTraining(course: CourseName, path: string): Promise<TrainingReminded>;
  /** Everybody who has not finished, as a workbook (XLSX). */
  untrainedFile(course: CourseName, path: string, language: Language): Promise<Bytes>;
  lessons(): Promise<readonly LessonState[]>;
  /** A lesson as it was written: Markdown with front matter in the languages that it has, and pictures. */
  writtenLesson(id: LessonId): Promise<WrittenLesson>;
  /**
   * Keeps a picture at the server for a day and resolves with the digest by which previews and the act
   * name it. Rejects with `lesson_picture_invalid`.
   */
  keepLessonPicture(data: Uint8Array): Promise<string>;
  previewLesson(asked: PreviewLesson): Promise<LessonPreview>;
}
export type TrainingMethod = keyof TrainingCore;
