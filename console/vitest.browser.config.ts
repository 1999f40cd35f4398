import { defineConfig } from "vitest/config";

/** Tests that drive a real Chromium. One at a time: the machine's cores are shared. */
export default defineConfig({
  test: {
    include: ["tests/browser/**/*.test.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
