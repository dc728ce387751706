/**
 * This person's courses, kept in step with the core, and whether large groups are still closed. Read
 * when the app opens, and in another language when the reader chooses one.
 */
import type { Course, CourseName, LessonItem, TrainingView } from "@copconnect/client/core";
import type { LessonId } from "@copconnect/client/wire";
import { language } from "#i18n/index.svelte.ts";
import { core } from "../core.ts";
import { onCoreEvent } from "./app.svelte.ts";
import { Loading } from "./loading.svelte.ts";

let view = $state.raw<TrainingView | null>(null);
const loading = new Loading<true>();

export const training = {
  get view(): TrainingView | null {
    return view;
  },
  get error(): unknown {
    return loading.error;
  },
  get slow(): boolean {
    return loading.slow;
  },
  /** Writing in large groups waits for the officers' course. */
  get closed(): boolean {
    return view !== null && view.closedFrom !== null;
  },
  course(name: CourseName): Course | undefined {
    return view?.courses.find(({ id }) => id === name);
  },
  courseOf(lesson: LessonId): Course | undefined {
    return view?.courses.find(({ lessons }) => lessons.some(({ id }) => id === lesson));
  },
};

/** Every lesson is done, or the course was recorded as done in a classroom. */
export function isWhole({ lessons, done, completedMs }: Course): boolean {
  return completedMs !== null || (lessons.length > 0 && done === lessons.length);
}

/** Lessons of all courses, and how many of them are done. */
export function lessonsDone(courses: readonly Course[]): {
  readonly done: number;
  readonly all: number;
} {
  const sum = (count: (course: Course) => number): number =>
    courses.reduce((total, course) => total + count(course), 0);
  return {
    done: sum((course) => (isWhole(course) ? course.lessons.length : course.done)),
    all: sum(({ lessons }) => lessons.length),
  };
}

/**
 * The next lesson of a course to do: not done, or changed since; of those after `than` first. In a
 * course that is whole, only a lesson that has changed.
 */
export function nextLesson(course: Course, than: LessonId | null = null): LessonItem | null {
  const at = course.lessons.findIndex(({ id }) => id === than) + 1;
  const order = [...course.lessons.slice(at), ...course.lessons.slice(0, at)];
  const open = (one: LessonItem): boolean =>
    one.changed || (one.doneMs === null && !isWhole(course));
  return order.find((one) => one.id !== than && open(one)) ?? null;
}

export function adoptTraining(next: TrainingView): void {
  view = next;
}

/** Lessons are put on the device now where the reader looks at them, else within a while. */
export function loadTraining(lessons: "now" | "later" = "later"): Promise<void> {
  return loading.load(async () => {
    view = await core().training.courses(language.current, lessons);
    return true;
  });
}

/** Follow it until the returned function is called. Run in an effect, it follows the language. */
export function followTraining(): () => void {
  void loadTraining();
  const stop = onCoreEvent((event) => {
    if (event.type === "training") view = event.view;
  });
  return () => {
    stop();
    view = null;
  };
}
