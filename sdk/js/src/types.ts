// The public types: what an application sees of a client, a room and a message.

export type * from "./types/client.js";
export type * from "./types/items.js";
export type * from "./types/people.js";
export type * from "./types/room.js";
