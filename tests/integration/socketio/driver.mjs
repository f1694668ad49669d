// Drives stock socket.io-client sockets for tests: commands come as lines of JSON, and what happens goes out as such.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const sockets = new Map();
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const doing = {
  open({ name, url, options: { asked, ...options } }) {
    const auth = asked ? (tell) => tell(asked) : options.auth; // as a function
    const socket = io(url, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, ...options, auth });
    sockets.set(name, socket);
    socket.on("hello", (hello) => {
      socket.auth = { token: hello.token };
    });
    socket.on("connect", () => say({ name, life: "connect", sid: socket.id, recovered: socket.recovered }));
    socket.on("disconnect", (reason) => say({ name, life: "disconnect", reason }));
    socket.on("connect_error", (error) => say({ name, life: "connect_error", message: error.message, data: error.data }));
    socket.onAny((event, ...args) => say({ name, event, args }));
  },
  emit: ({ name, args }) => void sockets.get(name).emit(...args),
  volatile: ({ name, args }) => void sockets.get(name).volatile.compress(false).emit(...args),
  timeout: ({ name, args }) => sockets.get(name).timeout(5000).emitWithAck(...args),
  ask: ({ name, args }) => sockets.get(name).emitWithAck(...args),
  retry: ({ name, args }) =>
    new Promise((done) => sockets.get(name).emit(...args, (error, answer) => done(error ? { failed: error.message } : answer))),
  drop: ({ name }) => void sockets.get(name).io.engine.close(),
  transport: ({ name }) => sockets.get(name).io.engine?.transport.name,
  connect: ({ name }) => void sockets.get(name).connect(),
  close: ({ name }) => void sockets.get(name).disconnect(),
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, what, ...rest } = JSON.parse(line);
  try {
    say({ id, result: (await doing[what](rest)) ?? null });
  } catch (error) {
    say({ id, failed: String(error) });
  }
});
