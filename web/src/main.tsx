// Starts the page.

import { render } from "preact";
import { effect } from "./ui/signals";
import "./style/tokens.css";
import "./style/base.css";
import "./style/room.css";
import "./style/screens.css";
import "./style/panels.css";
import "./style/search.css";
import { followAddress } from "./route";
import { App, load, loadMore } from "./screens/app";
import { loadMuted } from "./session/muted";
import { followPrefs } from "./session/prefs";
import { followConnection, me, resume } from "./session/session";
import { idle } from "./ui/later";

followAddress();
resume();
followConnection();
effect(() => {
  if (me.value) loadMuted();
});
load().catch(() => undefined); // beside the words
void followPrefs().then(() => {
  const page = document.getElementById("page");
  if (page) render(<App />, page);
  import("./session/around").then(
    ({ follow }) => follow(),
    () => undefined,
  );
  idle(loadMore);
});
