// The customer's side: one element in the corner of the page, for the room that the desk has opened.

const form = document.getElementById("name");

/** Return what the desk says of whoever is here; null of somebody who has said no name yet. */
async function ask(signal) {
  const answer = await fetch("/token", signal ? { signal } : {});
  if (answer.status === 401) return null;
  if (!answer.ok) throw new Error("The desk does not answer.");
  return answer.json();
}

/** Put the chat into the page. */
async function show({ room, madang }, open) {
  form.hidden = true;
  await import(`${madang}/embed/v1/madang-room.js`);
  const chat = document.createElement("madang-room");
  chat.setAttribute("room", room);
  chat.setAttribute("mode", "launcher");
  chat.setAttribute("theme", "light"); // as the page is
  chat.getToken = async ({ signal }) => (await ask(signal)).token;
  document.body.append(chat);
  if (open) await chat.open();
}

form.onsubmit = async (event) => {
  event.preventDefault();
  const name = new FormData(form).get("name");
  const answer = await fetch("/customer", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name }),
  });
  if (answer.ok) await show(await ask(), true);
  else document.getElementById("trouble").textContent = "That did not work. Try another name.";
};

const known = await ask();
if (known?.room) await show(known, false);
else form.hidden = false;
