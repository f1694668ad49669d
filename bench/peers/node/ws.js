// A room server on the Node package ws. The first frame of a socket names its room, every other one goes to all in it.
//
// What it lacks: nothing is stored, so nobody can resume or read back; no acks, so a sender never knows; sending again
// doubles; no users, permissions or limits; what a slow socket does not read piles up without bound.
const { WebSocketServer } = require("ws");

const rooms = new Map();

new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]) }).on("connection", (socket) => {
  let room;
  socket.on("message", (data) => {
    if (room === undefined) {
      const name = data.toString();
      if (!rooms.has(name)) rooms.set(name, new Set());
      room = rooms.get(name).add(socket);
      socket.send("joined");
      return;
    }
    for (const member of room) member.send(data, { binary: false });
  });
  socket.on("close", () => room?.delete(socket));
  socket.on("error", () => {}); // "close" follows
});
