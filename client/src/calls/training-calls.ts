/** The calls of core.ts about training. */
import type { TrainingCore, TrainingMethod } from "../core.ts";
import { failure } from "../failure.ts";
import type { Api } from "../transport/api.ts";
import type { Reach } from "./reach.ts";

export function trainingCalls(reach: Reach, api: Api): TrainingCore {
  const { training } = reach;
  return {
    courses: (language) => training.courses(language),
    lesson: (id, language) => training.lesson(id, language),
    lessonDone: (id, version, right) => training.lessonDone(id, version, right),
    certificate: (course, language) => api.training.certificate(course, language),
    progress: (course, path) => api.training.progress(course, path),
    untrained: (course, path, after) => api.training.untrained(course, path, after),
    untrainedFile: (course, path, language) => api.training.untrainedFile(course, path, language),
    lessons: async () => (await api.training.lessons()).lessons,
    lessonTexts: (id) => api.training.lessonTexts(id),
    previewLesson: (lessonId, language, text) => api.training.preview({ lessonId, language, text }),
  };
}

export async function callTraining<M extends TrainingMethod>(
  reach: Reach,
  calls: TrainingCore,
  method: M,
  args: Parameters<TrainingCore[M]>,
): Promise<Awaited<ReturnType<TrainingCore[M]>>> {
  if (!Object.hasOwn(calls, method)) throw failure("not_found");
  await reach.device();
  const chosen = calls[method] as (
    ...given: Parameters<TrainingCore[M]>
  ) => Promise<Awaited<ReturnType<TrainingCore[M]>>>;
  return chosen.apply(calls, args);
}
