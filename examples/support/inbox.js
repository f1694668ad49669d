// The agents' side: all conversations, those that wait first, and the one that is open. Who takes care of a conversation is said in it, by a
// message with `assigned` in its data, which is pinned: so every agent sees it, and so does whoever comes later.

const byId = (id) => document.getElementById(id);
const form = byId("name");
const followed = new Map(); // room id -> the room, which is followed for its last message and its pins

let client;
let open = null; // the id of the conversation that is shown

async function ask(signal) {
  const answer = await fetch("/token", signal ? { signal } : {});
  return answer.ok ? answer.json() : null;
}

async function begin({ madang }) {
  const [{ connect, Unauthorised }] = await Promise.all([
    import(`${madang}/embed/v1/madang.js`),
    import(`${madang}/embed/v1/madang-room.js`),
  ]);
  client = connect(madang, {
    getToken: async ({ signal }) => {
      const known = await ask(signal);
      if (known === null) throw new Unauthorised();
      return known.token;
    },
  });
  client.rooms.subscribe(later);
  client.on("user", later);
  form.hidden = true;
  byId("side").hidden = byId("main").hidden = false;
}

// -- what is known of a conversation ------------------------------------------------------------------------------------

function follow(id) {
  let room = followed.get(id);
  if (!room) {
    room = client.room(id);
    followed.set(id, room);
    room.store.subscribe(later);
    room.join().then(
      () => room.loadPins(),
      () => followed.delete(id), // no member any more
    );
  }
  const { pins } = room.store.getSnapshot();
  if (pins === null && room.store.getSnapshot().phase === "live") room.loadPins().catch(() => {}); // after a pin of what is not loaded here
  return room;
}

/** Return the newest message by which somebody has taken the conversation. */
const assignment = (room) => room.store.getSnapshot().pins?.findLast(({ data }) => data?.assigned) ?? null;

const lastOf = (room) => room.store.getSnapshot().items.findLast(({ kind, deleted }) => kind === "message" && !deleted);

async function take(room) {
  const before = assignment(room);
  const { name, id } = client.user;
  const { seq } = await room.send(`${name} takes care of this.`, { data: { assigned: id } });
  await room.pin(seq);
  if (before) await room.pin(before.seq, false);
}

// -- what is shown --------------------------------------------------------------------------------------------------------

let waits = false; // for the next frame, which shows all that has come by then
function later() {
  if (waits) return;
  waits = true;
  requestAnimationFrame(() => {
    waits = false;
    show();
  });
}

function show() {
  if (!client?.user) return;
  const which = byId("which").value;
  const conversations = client.rooms
    .getSnapshot()
    .rooms.map((summary) => {
      const room = follow(summary.id);
      const taken = assignment(room);
      const last = lastOf(room);
      return { summary, room, taken, last, mine: taken?.data.assigned === client.user.id };
    })
    .filter(({ taken, mine }) => which === "all" || (which === "mine" ? mine : taken === null))
    .sort(
      (a, b) =>
        Number(b.summary.unread > 0) - Number(a.summary.unread > 0) ||
        (b.last?.at ?? "").localeCompare(a.last?.at ?? ""),
    );
  fill(byId("list"), conversations);
  byId("none").hidden = conversations.length > 0;
  const { unread } = client.rooms.getSnapshot();
  document.title = unread > 0 ? `(${unread}) Inbox` : "Inbox";
  showOpen();
}

/** Rows that are there already are moved, not made again, so that the focus stays. */
function fill(list, conversations) {
  const rows = new Map([...list.children].map((row) => [row.dataset.room, row]));
  const focused = document.activeElement;
  list.replaceChildren(
    ...conversations.map(({ summary, taken, last, mine }) => {
      const row = rows.get(summary.id) ?? makeRow(summary.id);
      const [title, whose, text, unread] = row.firstElementChild.children;
      title.textContent = summary.title;
      text.textContent = last?.text ?? "";
      whose.textContent = taken === null ? "Nobody's" : mine ? "Yours" : taken.name;
      unread.textContent = summary.unread ? `${summary.unread} unread` : "";
      row.firstElementChild.setAttribute("aria-current", String(summary.id === open));
      return row;
    }),
  );
  if (list.contains(focused)) focused.focus();
}

function makeRow(id) {
  const row = document.createElement("li");
  row.dataset.room = id;
  const button = row.appendChild(document.createElement("button"));
  button.type = "button";
  for (const name of ["title", "whose", "text", "unread"]) {
    const part = button.appendChild(document.createElement("span"));
    part.className = name;
    part.dir = "auto";
  }
  button.onclick = () => {
    open = id;
    const chat = document.createElement("madang-room");
    chat.setAttribute("room", id);
    chat.setAttribute("theme", "light"); // as the page is
    chat.client = client; // one connection for all
    byId("place").replaceChildren(chat);
    byId("choose").hidden = true;
    byId("head").hidden = false;
    later();
  };
  return row;
}

function showOpen() {
  const room = followed.get(open);
  if (!room) return;
  const taken = assignment(room);
  const mine = taken?.data.assigned === client.user.id;
  byId("who").textContent = room.store.getSnapshot().info?.title ?? "";
  byId("taken").textContent =
    taken === null ? "Nobody takes care of it yet." : mine ? "Yours." : `${taken.name} takes care of it.`;
  byId("take").hidden = mine;
  byId("take").textContent = taken === null ? "Take it" : "Take it over";
  byId("take").onclick = () => take(room).catch((error) => (byId("taken").textContent = error.message));
}

byId("which").onchange = later;

form.onsubmit = async (event) => {
  event.preventDefault();
  const name = new FormData(form).get("name");
  const answer = await fetch("/agent", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name }),
  });
  const known = answer.ok ? await ask() : null;
  if (known) await begin(known);
  else byId("trouble").textContent = "That did not work. Try another name.";
};

const known = await ask();
if (known && known.room === null) await begin(known);
else form.hidden = false;
