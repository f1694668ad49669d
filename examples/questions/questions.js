// Live questions in a room: ask, vote by a reaction, the most wanted first; whoever moderates the room marks what was answered, which pins it.
// Opened with #stage it shows the first questions, large, and nothing to press.

import { connect } from "http://127.0.0.1:8400/embed/v1/madang.js";

const SERVER = "http://127.0.0.1:8400";
const ROOM = "questions";
const VOTE = "👍";
const ON_STAGE = 5;

const byId = (id) => document.getElementById(id);
const stage = location.hash === "#stage";
document.body.classList.toggle("stage", stage);

let room;

/** Enter the room as a new guest of this name, or as the one who was here before. */
async function enter(name) {
  const client = connect(SERVER, { storage: localStorage, ...(name ? { guest: name } : {}) });
  room = client.room(ROOM);
  let waits = false; // for the next frame, which shows all that has come by then
  room.store.subscribe(() => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      show(room.store.getSnapshot());
    });
  });
  try {
    await room.join().catch(async (error) => {
      if (error.code !== "not_found") throw error;
      await client.createRoom({ id: ROOM, title: "Questions", access: "unlisted" }); // who is first owns it
      await room.join();
    });
    byId("name").hidden = true;
    byId("ask").hidden = stage;
    while (room.store.getSnapshot().hasOlder && room.store.getSnapshot().items.length < 1000) await room.older(200);
  } catch (error) {
    tell(error);
  }
}

const votesOf = (message) => message.reactions.find(({ emoji }) => emoji === VOTE) ?? { count: 0, mine: false };
const isQuestion = (item) => item.kind === "message" && !item.deleted && item.replyTo === undefined;

function show({ items, role }) {
  const wanted = items.filter(isQuestion).sort((a, b) => votesOf(b).count - votesOf(a).count);
  const moderates = role === "owner" || role === "moderator";
  const open = wanted.filter((message) => !message.pinned);
  fill(byId("open"), stage ? open.slice(0, ON_STAGE) : open, moderates);
  fill(byId("answered"), stage ? [] : wanted.filter((message) => message.pinned), moderates);
}

/** Show messages in a list. Rows that are there already are moved, not made again, so that the focus stays. */
function fill(list, messages, moderates) {
  const rows = new Map([...list.children].map((row) => [row.dataset.key, row]));
  const focused = document.activeElement;
  list.replaceChildren(
    ...messages.map((message) => {
      const row = rows.get(message.key) ?? makeRow(message.key);
      const [text, by, vote, answered] = row.children;
      text.textContent = message.text;
      by.textContent = message.name;
      const { count, mine } = votesOf(message);
      vote.textContent = `${VOTE} ${count}`;
      vote.setAttribute("aria-pressed", String(mine));
      vote.onclick = () => room.react(message.seq, VOTE, !mine).catch(tell);
      vote.disabled = message.seq === null;
      answered.hidden = !moderates;
      answered.setAttribute("aria-pressed", String(message.pinned === true));
      answered.onclick = () => room.pin(message.seq, !message.pinned).catch(tell);
      return row;
    }),
  );
  if (list.contains(focused)) focused.focus();
}

function makeRow(key) {
  const row = document.createElement("li");
  row.dataset.key = key;
  const [text, by] = [document.createElement("p"), document.createElement("span")];
  text.dir = by.dir = "auto";
  const [vote, answered] = [document.createElement("button"), document.createElement("button")];
  answered.textContent = "Answered";
  row.append(text, by, vote, answered);
  return row;
}

function tell(error) {
  byId("trouble").textContent = error?.message ?? String(error);
}

byId("name").onsubmit = (event) => {
  event.preventDefault();
  enter(new FormData(event.target).get("name"));
};

byId("ask").onsubmit = (event) => {
  event.preventDefault();
  const question = new FormData(event.target).get("question").trim();
  byId("trouble").textContent = "";
  if (question) room.send(question).catch(tell);
  event.target.reset();
};

const known = connect(SERVER, { storage: localStorage }).token !== null;
if (stage) enter(known ? undefined : "Stage");
else if (known) enter();
else byId("name").hidden = false;
