import { defineConfig } from "vitest/config";

/** Draws the pictures of the documentation; checks nothing. */
export default defineConfig({
  test: {
    include: ["tests/pictures/**/*.test.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
