// The chat of Socket.IO's tutorial, by its own client, against Madang: README.md says which lines are others than there.

import { io } from "./node_modules/socket.io-client/dist/socket.io.esm.min.js";

const form = document.getElementById("form");
const input = document.getElementById("input");
const messages = document.getElementById("messages");

const socket = io("http://127.0.0.1:8400", { auth: { guest: "Visitor" }, ackTimeout: 10_000, retries: 3 });
let counter = 0;

form.addEventListener("submit", (e) => {
  e.preventDefault();
  if (input.value) {
    const clientOffset = `${socket.id}-${counter++}`;
    socket.emit("send", { room: "lobby", text: input.value, cid: clientOffset });
    input.value = "";
  }
});

function show({ text }) {
  const item = document.createElement("li");
  item.textContent = text;
  messages.append(item);
  window.scrollTo(0, document.body.scrollHeight);
}

socket.on("message.sent", (event) => show(event));

socket.on("hello", ({ token }) => {
  socket.auth = { token }; // who one is, should the session be lost
});

socket.on("connect", async () => {
  if (socket.recovered) return; // what was missed comes as events
  const { events } = await socket.emitWithAck("join", { room: "lobby" });
  messages.replaceChildren();
  events.filter(({ type }) => type === "message.sent").forEach(show);
});
