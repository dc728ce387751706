import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** A minute each: begun last, one worker would have such a file alone at the end. */
const LONGEST = /\/(?:audience|model)[^/]*\.test\.ts$/;

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const first = sorted.filter(({ moduleId }) => LONGEST.test(moduleId));
    return [...first, ...sorted.filter((file) => !first.includes(file))];
  }
}

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    environment: "node",
    globalSetup: "test/support/data-folder.ts",
    // A busy two-core machine.
    testTimeout: 60_000,
    maxWorkers: Math.min(4, availableParallelism() + 1),
    // To import the core anew for each file takes a third of the time of all tests. A file that
    // fakes something of the process puts it back.
    isolate: false,
    sequence: { sequencer: LongestFirst },
  },
});
