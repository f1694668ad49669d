// The load of `typing` for k6, for whoever has it: `k6 run -e URL=ws://host/yjs/card -e TOKEN=… bench/papers/k6.js`.
//
// UNRUN: k6 was not there when this was written. It sends one and the same update again and again, which is kept once: it measures what a
// server can read and judge. Latencies of keys are measured by `python -m bench.papers`, which has documents.

import { sleep } from "k6";
import ws from "k6/ws";

export const options = { vus: 20, duration: "30s" };

const STEP_1 = new Uint8Array([0, 0, 1, 0]).buffer;
const UPDATE = new Uint8Array([
  0, 2, 18, 1, 1, 0xc7, 0xaa, 0x96, 0xb0, 0x01, 0, 4, 1, 4, 0x74, 0x65, 0x78, 0x74, 2, 0x68, 0x69, 0,
]).buffer;
const SECONDS = 30;

export default function () {
  const protocols = { headers: { "Sec-WebSocket-Protocol": `yjs, bearer.${__ENV.TOKEN}` } };
  ws.connect(__ENV.URL, protocols, (socket) => {
    socket.on("open", () => {
      socket.sendBinary(STEP_1);
      socket.setInterval(() => socket.sendBinary(UPDATE), 200);
      socket.setTimeout(() => socket.close(), SECONDS * 1000);
    });
  });
  sleep(1);
}
