// A room in React. In an application: npm install madang react react-dom.

import { connect } from "madang";
import { useEffect, useState, useSyncExternalStore } from "react";

const client = connect("http://localhost:8400", { guest: "Mina" });

/** A store's present value. */
const useStore = (store) => useSyncExternalStore(store.subscribe, store.getSnapshot);

export function Room({ id }) {
  const room = client.room(id); // the same object each time
  const { items, canWrite } = useStore(room.store);
  const [text, setText] = useState("");
  useEffect(() => void room.join().catch(() => {}), [room]); // a refusal is in the store
  const send = (event) => {
    event.preventDefault();
    room.send(text);
    setText("");
  };
  return (
    <form onSubmit={send}>
      <ol>
        {items
          .filter(({ kind }) => kind === "message")
          .map(({ key, name, text, state }) => (
            <li key={key} data-state={state}>
              {name}: {text}
            </li>
          ))}
      </ol>
      <input aria-label="Message" value={text} onChange={({ target }) => setText(target.value)} disabled={!canWrite} />
    </form>
  );
}
