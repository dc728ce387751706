/** `core.training`: courses on this device, and the console's calls about them. */
import type { LessonId } from "../ids.ts";
import type { Bytes } from "../octets.ts";
import type { CourseName, Lesson, Practice, TrainingView } from "../seam/training.ts";
import type { Api } from "../transport/api.ts";
import type {
  Language,
  LessonPreview,
  LessonState,
  PreviewLesson,
  QuizAnswer,
  TrainingProgress,
  TrainingReminded,
  Untrained,
  WrittenLesson,
} from "../wire.ts";
import type { Training } from "./training.ts";

export class TrainingCalls {
  readonly #training: Training;
  readonly #api: Api;

  constructor(training: Training, api: Api) {
    this.#training = training;
    this.#api = api;
  }

  /**
   * From the vault at once where it is there; asks the server where it can be reached. Lessons that
   * are not on this device are fetched beside it now, or within a quarter of an hour.
   */
  courses(language: Language, lessons?: "now" | "later"): Promise<TrainingView> {
    return this.#training.courses(language, lessons);
  }

  /** Rejects with `network` where it is not on this device and there is no network. */
  lesson(id: LessonId, language: Language): Promise<Lesson> {
    return this.#training.lesson(id, language);
  }

  /** Keeps on this device alone that the practice was done. */
  practiceDone(name: Practice): Promise<TrainingView> {
    return this.#training.practiceDone(name);
  }

  /**
   * Keeps that the lesson was passed with these first choices, and sends them to the server now or
   * later. The server judges them itself; a second time changes nothing.
   */
  lessonDone(
    lesson: Pick<Lesson, "id" | "version" | "language">,
    answers: readonly QuizAnswer[],
  ): Promise<TrainingView> {
    return this.#training.lessonDone(lesson, answers);
  }

  /** A PDF. Rejects with `course_unfinished`, `network`. */
  certificate(course: CourseName, language: Language): Promise<Bytes> {
    return this.#api.trainingCertificate({ course, language });
  }

  // For the console, with the right `train`. Lessons are published by the act `publish_lesson`.
  progress(course: CourseName, path: string): Promise<TrainingProgress> {
    return this.#api.trainingProgress({ course, path });
  }

  untrained(course: CourseName, path: string, after: string | null): Promise<Untrained> {
    return this.#api.untrained({ course, path, after });
  }

  /**
   * Remind the people at or below a unit who have not done a course that is for them; nobody twice
   * within a week, of whichever course.
   */
  remindOfTraining(course: CourseName, path: string): Promise<TrainingReminded> {
    return this.#api.remindOfTraining({ course, path });
  }

  /** A workbook (XLSX) of all people who have not finished the course. */
  untrainedFile(course: CourseName, path: string, language: Language): Promise<Bytes> {
    return this.#api.untrainedFile({ course, path, language });
  }

  async lessons(): Promise<readonly LessonState[]> {
    return (await this.#api.lessonStates()).lessons;
  }

  /** A lesson as it was written: Markdown with front matter in the languages that it has, and pictures. */
  writtenLesson(id: LessonId): Promise<WrittenLesson> {
    return this.#api.writtenLesson(id);
  }

  /**
   * Keeps a picture at the server for a day and resolves with the digest by which previews and the act
   * name it. Rejects with `lesson_picture_invalid`.
   */
  async keepLessonPicture(data: Uint8Array): Promise<string> {
    return (await this.#api.keepLessonPicture({ data })).digest;
  }

  previewLesson(asked: PreviewLesson): Promise<LessonPreview> {
    return this.#api.previewLesson(asked);
  }
}
