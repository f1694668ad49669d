// Starts the operator's page. It is served by the admin listener alone, and shares no file with the page of visitors.

import "../ui/icons-page";
import "../ui/icons-more";
import { render } from "preact";
import "../style/tokens.css";
import "../style/base.css";
import "../style/panels.css";
import "../style/admin.css";
import { followPrefs } from "../session/prefs";
import { App } from "./app";
import { follow } from "./live";
import { takeCode } from "./sign-in";

takeCode();
void followPrefs().then(() => {
  follow();
  const page = document.getElementById("page");
  if (page) render(<App />, page);
});
