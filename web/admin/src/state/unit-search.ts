/** Finds units by name in any language, or by the beginning of their code. */
import type { Names, UnitId } from "@copconnect/client/wire";

export interface FindableUnit {
  readonly unitId: UnitId;
  readonly names: Names;
}

/** Whether a unit fits what somebody types; every unit fits no words. */
export function unitFits({ unitId, names }: FindableUnit, text: string): boolean {
  const words = text.trim().toLocaleLowerCase();
  return (
    unitId.toLocaleLowerCase().startsWith(words) ||
    [names.en, names.te, names.ur, names.hi].some((one) => one.toLocaleLowerCase().includes(words))
  );
}
