import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    environment: "node",
    // MLS with hundreds of members on a busy two-core machine.
    testTimeout: 60_000,
    // By default one less than there are cores: most tests wait for a server.
    maxWorkers: 2,
  },
});
