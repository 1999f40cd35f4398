import { defineConfig } from "vitest/config";

/** Lighthouse's marks. Beside the other checks it would mark how busy the machine is. */
export default defineConfig({
  test: {
    include: ["tests/lighthouse/**/*.test.ts"],
    environment: "node",
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
