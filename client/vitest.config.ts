import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * They take longest, most of it waiting for real servers: begun last, one worker would have such a file
 * alone at the end.
 */
const LONGEST = [
  ...["officers", "restored-server", "replaced-authority", "model", "scenarios-server"],
  ...["full-disk", "devices", "audience"],
  ...["real-server", "crashes", "hostile-member", "vault"],
].map((name) => `/${name}.test.ts`);

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = LONGEST.findIndex((end) => moduleId.endsWith(end));
      return place < 0 ? LONGEST.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    environment: "node",
    globalSetup: "test/support/data-folder.ts",
    // A busy two-core machine.
    testTimeout: 60_000,
    maxWorkers: Math.min(4, availableParallelism() + 2),
    // To import the core again for each file takes a third of the time of all tests. A file that
    // fakes something of the process puts it back.
    isolate: false,
    sequence: { sequencer: LongestFirst },
  },
});
