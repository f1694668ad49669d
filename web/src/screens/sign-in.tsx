// The door: a name is enough. Those who have an account, or want one, sign in below.

import { MadangError } from "madang";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { navigate, roomPath, route } from "../route";
import { api } from "../session/api";
import { enter, signIn, signUp } from "../session/entering";
import { explain } from "../session/explain";
import { lastRoom } from "../session/last-room";
import { Button } from "../ui/button";
import { words } from "../words";
import { door } from "../words/door";
import { Field } from "./field";
import { LanguageSwitch } from "./language-switch";

type Way = "guest" | "in" | "up";

/** Who may come in: see `hello` in PROTOCOL.md. */
interface Open {
  readonly guests: boolean;
  readonly accounts: boolean;
}

const PATIENCE_MS = 600; // then the usual ways are shown

let mayEnter: Promise<Open> = Promise.resolve({ guests: true, accounts: true });

/** Hear from the server who may come in. */
export function askedWhoMayEnter(server: Promise<{ guests?: string; accounts?: string }>): void {
  const open = ({ guests, accounts }: { guests?: string; accounts?: string }) => ({
    guests: (guests ?? "open") === "open",
    accounts: (accounts ?? "open") === "open",
  });
  const usual = { guests: true, accounts: true };
  mayEnter = Promise.race([
    server.then(open).catch(() => usual),
    new Promise<Open>((resolve) => setTimeout(() => resolve(usual), PATIENCE_MS)),
  ]);
}

export function SignIn() {
  const t = door.value;
  const [way, setWay] = useState<Way>("guest");
  const [open, setOpen] = useState<Open | null>(null);
  const [title, setTitle] = useState<string | null>(null);
  const [problem, setProblem] = useState<{ field: "name" | "login" | "password"; text: string } | null>(null);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const id = useId();
  const { room } = route.value;

  useEffect(() => {
    let gone = false;
    mayEnter.then((open) => {
      if (gone) return;
      if (!open.guests) setWay("in");
      setOpen(open);
    });
    return () => {
      gone = true;
    };
  }, []);
  useEffect(() => {
    if (room === null) return;
    let gone = false;
    api<{ title: string | null }>("GET", `/api/rooms/${room}/title`).then(
      ({ title }) => gone || setTitle(title),
      () => undefined, // it will be said inside
    );
    return () => {
      gone = true;
    };
  }, [room]);
  useEffect(() => {
    form.current?.querySelector("input")?.focus();
  }, [way, open === null]);

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    if (busy) return;
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const value = (name: string) => String(values.get(name) ?? "").trim();
    const password = String(values.get("password") ?? "");
    setBusy(true);
    setProblem(null);
    try {
      if (way === "guest") await enter(value("name"));
      else if (way === "in") await signIn(value("login"), password);
      else await signUp(value("login"), value("name"), password);
      if (room === null) navigate(roomPath(lastRoom()), { replace: true });
    } catch (error) {
      setBusy(false);
      const code = error instanceof MadangError ? error.code : "";
      if (code === "no_guests") {
        setOpen({ guests: false, accounts: open?.accounts ?? true });
        setWay("in");
      }
      const first = way === "guest" ? "name" : "login";
      setProblem({ field: fields[code] ?? (code === "no_guests" ? "login" : first), text: explain(error) });
      form.current?.querySelector("input")?.focus();
    }
  }

  const of = (field: "name" | "login" | "password") => (problem?.field === field ? problem.text : null);
  return (
    <main class="door">
      <div class="door-box">
        <header class="door-head">
          <h1>{words.value.app}</h1>
          <p>{room === null ? t.lead : title === null ? t.toARoom : t.toRoom(title)}</p>
        </header>
        <form
          ref={form}
          class="form"
          hidden={open === null}
          onSubmit={submit}
          aria-describedby={way === "guest" ? `${id}-note` : undefined}
        >
          {way !== "guest" && (
            <Field name="login" label={t.login} problem={of("login")} autocomplete="username" plain />
          )}
          {way !== "in" && <Field name="name" label={t.name} problem={of("name")} autocomplete="nickname" />}
          {way !== "guest" && (
            <Field
              name="password"
              label={t.password}
              type="password"
              problem={of("password")}
              hint={way === "up" ? t.passwordHint : null}
              autocomplete={way === "up" ? "new-password" : "current-password"}
            />
          )}
          <Button kind="primary" type="submit" disabled={busy}>
            {busy ? t.connecting : way === "guest" ? t.enter : way === "in" ? t.signIn : t.signUp}
          </Button>
          {way === "guest" && (
            <p id={`${id}-note`} class="hint">
              {t.noAccount}
            </p>
          )}
        </form>
        <div class="door-ways">
          {(["guest", "in", "up"] as const)
            .filter((other) => other !== way && (other === "in" || open?.[other === "up" ? "accounts" : "guests"]))
            .map((other) => (
              <Button
                key={other}
                kind="link"
                onClick={() => {
                  setProblem(null);
                  setWay(other);
                }}
              >
                {other === "guest" ? t.asGuest : other === "in" ? t.account : t.signUp}
              </Button>
            ))}
        </div>
        <LanguageSwitch />
      </div>
    </main>
  );
}

const fields: Record<string, "name" | "login" | "password"> = {
  bad_name: "name",
  wrong_password: "password",
  bad_password: "password",
  login_taken: "login",
};
