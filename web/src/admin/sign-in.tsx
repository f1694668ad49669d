// The door of the operator's page: login and password, or, by the link of the first start, a password to choose.

import { useState } from "preact/hooks";
import { Field } from "../screens/field";
import { Button } from "../ui/button";
import { signal } from "../ui/signals";
import { call, explain, keepToken } from "./api";
import { words } from "./words";

const FIRST = "admin"; // the login of the first account

/** The code of the link; it leaves the address at once. */
const code = signal<string | null>(null);

export function takeCode(): void {
  code.value = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code.value !== null) history.replaceState(null, "", location.pathname);
}

export function SignIn() {
  const t = words.value;
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const first = code.value !== null;

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    if (busy) return;
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const login = String(values.get("login") ?? "").trim();
    const password = String(values.get("password") ?? "");
    setBusy(true);
    setProblem(null);
    try {
      const path = first ? "/sessions/code" : "/sessions";
      const body = first ? { login, password, code: code.value } : { login, password };
      keepToken((await call<{ token: string }>("POST", path, body)).token);
      code.value = null;
    } catch (error) {
      setProblem(explain(error));
    }
    setBusy(false);
  }

  return (
    <main class="door" id="main">
      <div class="door-box">
        <header class="door-head">
          <h1>{t.title}</h1>
          <p>{first ? t.signIn.firstLead : t.signIn.lead}</p>
        </header>
        <form class="form" onSubmit={(event) => void submit(event)}>
          <Field
            name="login"
            label={t.signIn.login}
            autocomplete="username"
            value={first ? FIRST : ""}
            plain
            autofocus={!first}
          />
          <Field
            name="password"
            label={t.signIn.password}
            type="password"
            problem={problem}
            hint={first ? t.signIn.passwordHint : null}
            autocomplete={first ? "new-password" : "current-password"}
            autofocus={first}
          />
          <Button kind="primary" type="submit" disabled={busy}>
            {first ? t.signIn.first : t.signIn.enter}
          </Button>
        </form>
      </div>
    </main>
  );
}
