/** The calls of core.ts about training. */
import type { TrainingCore, TrainingMethod } from "../core.ts";
import { failure } from "../failure.ts";
import type { Api } from "../transport/api.ts";
import type { Training } from "./training.ts";

export function trainingCalls(training: Training, api: Api): TrainingCore {
  return {
    courses: (language, lessons) => training.courses(language, lessons),
    lesson: (id, language) => training.lesson(id, language),
    lessonDone: (id, version, right) => training.lessonDone(id, version, right),
    certificate: (course, language) => api.training.certificate(course, language),
    progress: (course, path) => api.training.progress(course, path),
    untrained: (course, path, after) => api.training.untrained(course, path, after),
    remindOfTraining: (course, path) => api.training.remind({ course, path }),
    untrainedFile: (course, path, language) => api.training.untrainedFile(course, path, language),
    lessons: async () => (await api.training.lessons()).lessons,
    writtenLesson: (id) => api.training.writtenLesson(id),
    keepLessonPicture: async (data) => (await api.training.keepPicture({ data })).digest,
    previewLesson: (asked) => api.training.preview(asked),
  };
}

export async function callTraining<M extends TrainingMethod>(
  ready: () => Promise<unknown>,
  calls: TrainingCore,
  method: M,
  args: Parameters<TrainingCore[M]>,
): Promise<Awaited<ReturnType<TrainingCore[M]>>> {
  if (!Object.hasOwn(calls, method)) throw failure("not_found");
  await ready();
  const chosen = calls[method] as (
    ...given: Parameters<TrainingCore[M]>
  ) => Promise<Awaited<ReturnType<TrainingCore[M]>>>;
  return chosen.apply(calls, args);
}
