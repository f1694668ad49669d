// Emits by the stock @socket.io/redis-emitter what comes as lines of JSON: {rooms, args}. PUBLISH is all that it needs of Redis.
import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { Emitter } from "@socket.io/redis-emitter";

const redis = createConnection(Number(process.argv[2]), "127.0.0.1");
redis.resume();

function publish(...words) {
  const parts = ["PUBLISH", ...words].map((word) => Buffer.from(word));
  redis.write(`*${parts.length}\r\n`);
  for (const part of parts) redis.write(Buffer.concat([Buffer.from(`$${part.length}\r\n`), part, Buffer.from("\r\n")]));
}

const io = new Emitter({ publish });
createInterface({ input: process.stdin }).on("line", (line) => {
  const { rooms, args } = JSON.parse(line);
  (rooms.length ? io.to(rooms) : io).emit(...args);
});
