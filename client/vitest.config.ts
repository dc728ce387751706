import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    environment: "node",
    // MLS with hundreds of members on a busy two-core machine.
    testTimeout: 60_000,
  },
});
