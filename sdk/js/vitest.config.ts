// How the SDK is tested: against a real server, which `test/setup.ts` starts once for all files.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: "test/setup.ts",
    testTimeout: 20_000,
    maxWorkers: 2,
    execArgv: ["--expose-gc"], // for what is measured of memory
    reporters: ["default"],
  },
});
