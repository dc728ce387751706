/** How far this page's practice has come. */
import { tellLesson, type PracticeName } from "./bridge.ts";
import { after, STEPS, type Deed } from "./steps.ts";

export class PracticeProgress {
  readonly name: PracticeName;
  #done = $state(0);

  constructor(name: PracticeName) {
    this.name = name;
  }

  get done(): number {
    return this.#done;
  }
  get steps(): number {
    return STEPS[this.name].length;
  }
  get finished(): boolean {
    return this.#done === this.steps;
  }

  note = (deed: Deed): void => {
    const before = this.#done;
    this.#done = after(this.name, before, deed);
    if (this.#done !== before && this.finished) tellLesson({ practice: "done" });
  };
}
