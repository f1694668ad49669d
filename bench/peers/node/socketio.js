// A room server on Node's Socket.IO; with a Redis port as second argument, its Redis adapter carries messages between servers.
// A socket names its room when it connects (`auth`); what it says goes to all in it.
//
// What it lacks: nothing is stored, so nobody can resume or read back; no acks here (they are optional, and say only that
// the server has got it); sending again doubles; order only on one connection; no users, permissions or limits; what a slow
// socket does not read piles up without bound.
const { Server } = require("socket.io");
const { createAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");

async function main([port, redis]) {
  const io = new Server({ serveClient: false });
  if (redis) {
    const publisher = createClient({ url: `redis://127.0.0.1:${redis}` });
    const subscriber = publisher.duplicate();
    await Promise.all([publisher.connect(), subscriber.connect()]);
    io.adapter(createAdapter(publisher, subscriber));
  }
  io.on("connection", (socket) => {
    const { room } = socket.handshake.auth;
    socket.join(room);
    socket.emit("joined");
    socket.on("message", (message) => io.to(room).emit("message", message));
  });
  io.listen(Number(port));
}

main(process.argv.slice(2));
