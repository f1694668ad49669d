// The operator's page as a whole: the door, or everything below one heading, with the way to each part.

import { useEffect } from "preact/hooks";
import { setPref } from "../session/prefs";
import { Button } from "../ui/button";
import { type Language, language } from "../words";
import { keepToken, notice, token } from "./api";
import { Over } from "./asking";
import { Audit } from "./audit";
import { Keys } from "./keys";
import { lost, present } from "./live";
import { Busy, Lines, Tiles } from "./operation";
import { Rooms } from "./rooms";
import { SignIn } from "./sign-in";
import { Users } from "./users";
import { words } from "./words";

const LANGUAGES: Record<Language, string> = { en: "English", ko: "한국어" };

export function App() {
  const t = words.value;
  useEffect(() => {
    document.title = `${t.title} · ${t.app}`;
    document.documentElement.lang = language.value;
  }, [language.value]);
  return (
    <>
      <a class="skip" href="#main">
        {t.skip}
      </a>
      <Head />
      {token.value === null ? <SignIn /> : <Page />}
      <div class="notices">
        <p class={notice.value ? "notice" : "unseen"} data-bad={notice.value?.bad || undefined} role="status">
          {notice.value?.text}
        </p>
      </div>
      <Over />
    </>
  );
}

function Head() {
  const t = words.value;
  const parts = { rooms: t.rooms.title, users: t.users.title, keys: t.keys.title, audit: t.audit.title };
  const other: Language = language.value === "ko" ? "en" : "ko";
  return (
    <header class="admin-head">
      <p class="brand">{t.app}</p>
      {token.value !== null && (
        <nav aria-label={t.parts}>
          {Object.entries(parts).map(([id, title]) => (
            <a key={id} href={`#${id}`}>
              {title}
            </a>
          ))}
        </nav>
      )}
      <span class="grow" />
      <button class="button" data-kind="quiet" type="button" lang={other} onClick={() => setPref("language", other)}>
        {LANGUAGES[other]}
      </button>
      {token.value !== null && (
        <Button kind="quiet" onClick={() => keepToken(null)}>
          {t.signIn.out}
        </Button>
      )}
    </header>
  );
}

function Page() {
  const t = words.value;
  const now = present.value;
  return (
    <main class="admin" id="main" tabIndex={-1}>
      <div class="admin-title">
        <h1>{t.title}</h1>
        {now && <p class="hint">{t.live.node(now.node, now.version)}</p>}
      </div>
      <p class={lost.value ? "problem" : "unseen"} role="status">
        {lost.value ? t.live.lost : ""}
      </p>
      <Tiles />
      <div class="grid">
        <Lines />
        <Busy />
      </div>
      <div class="lists">
        <Rooms />
        <Users />
        <Keys />
        <Audit />
      </div>
    </main>
  );
}
