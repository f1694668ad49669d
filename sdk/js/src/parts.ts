// What a client does besides joining, writing and reading along: see `late.ts`.

export * from "./asking.js";
export * from "./looking.js";
export * from "./moderating.js";
export * from "./signs.js";
