// Accounts, found by login: their sessions, codes that set a password, new ones; and deleting any user, guests by their id.

import { useEffect, useState } from "preact/hooks";
import { Field } from "../screens/field";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Menu } from "../ui/menu";
import { MenuButton } from "../ui/menu-button";
import { dateTime } from "../words/format";
import { attempt, call, explain } from "./api";
import { question, secret } from "./asking";
import { changing, FindBox, More, usePaged } from "./paged";
import { Region, Table } from "./table";
import { words } from "./words";

interface Account {
  login: string;
  user: string;
  name: string;
  admin?: boolean;
  password?: boolean;
  code?: string;
}

const path = (login: string, rest = "") => `/accounts/${encodeURIComponent(login)}${rest}`;

export function Users() {
  const { users: t, column, none, yes, no } = words.value;
  const [sessions, setSessions] = useState<string | null>(null);
  const [making, setMaking] = useState(false);
  const list = usePaged<Account>(
    async (after) => {
      const page = await call<{ accounts: Account[]; more: boolean }>(
        "GET",
        `/accounts?after=${encodeURIComponent(after)}`,
      );
      return { items: page.accounts, more: page.more };
    },
    (account) => account.login,
  );
  const showCode = async (login: string) => {
    const { code } = await call<{ code: string }>("POST", path(login, "/code"));
    secret.value = { title: login, text: t.codeText, value: code };
  };
  const remove = (user: string, name: string) => {
    question.value = {
      title: t.removeAsk(name),
      text: t.removeText,
      action: t.remove,
      run: () => void changing(list, t.removed(name), () => call("DELETE", `/users/${encodeURIComponent(user)}`)),
    };
  };
  const removeById = (event: SubmitEvent) => {
    event.preventDefault();
    const user = String(new FormData(event.currentTarget as HTMLFormElement).get("user") ?? "").trim();
    if (user) remove(user, user);
  };
  return (
    <Region id="users" title={t.title}>
      <FindBox label={t.find} onFind={list.find} />
      <Table
        label={t.title}
        head={[column.login, column.name, column.admin, column.password, column.actions]}
        keys={list.items.map((account) => account.login)}
        rows={list.items.map((account) => [
          account.login,
          <bdi key="n">{account.name}</bdi>,
          account.admin ? yes : no,
          account.password ? yes : no,
          <MenuButton key="m" label={t.menu(account.login)} icon="more">
            {(open) => (
              <Menu
                {...open}
                items={[
                  { label: t.sessions, icon: "key", onPick: () => setSessions(account.login) },
                  { label: t.code, icon: "lock", onPick: () => void attempt(() => showCode(account.login), t.code) },
                  {
                    label: t.remove,
                    icon: "trash",
                    danger: true,
                    apart: true,
                    onPick: () => remove(account.user, account.name),
                  },
                ]}
              />
            )}
          </MenuButton>,
        ])}
        empty={none}
      />
      <More list={list} what={t.title} />
      <div>
        <Button icon="add" onClick={() => setMaking(true)}>
          {t.make}
        </Button>
      </div>
      <form class="find" onSubmit={removeById}>
        <div class="grow">
          <Field name="user" label={t.byId} hint={t.byIdHint} plain />
        </div>
        <Button type="submit" kind="danger">
          {t.remove}
        </Button>
      </form>
      {sessions !== null && <Sessions login={sessions} onClose={() => setSessions(null)} />}
      {making && <NewAccount onClose={() => setMaking(false)} onMade={list.reload} />}
    </Region>
  );
}

interface Session {
  id: string;
  at: string;
  seen_at: string;
}

function Sessions({ login, onClose }: { login: string; onClose: () => void }) {
  const { users: t, column, close, none } = words.value;
  const [sessions, setSessions] = useState<Session[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  const load = () =>
    call<{ sessions: Session[] }>("GET", path(login, "/sessions"))
      .then((found) => setSessions(found.sessions))
      .catch((error) => setProblem(explain(error)));
  useEffect(() => void load(), [login]);
  const end = (rest: string) => void attempt(() => call("DELETE", path(login, rest)).then(load), t.ended);
  return (
    <Dialog title={t.sessionsOf(login)} closeLabel={close} onClose={onClose} size="wide">
      {problem && <p class="problem">{problem}</p>}
      <Table
        label={t.sessions}
        head={[column.created, column.seen, column.actions]}
        keys={sessions.map((session) => session.id)}
        rows={sessions.map((session) => [
          dateTime(new Date(session.at)),
          dateTime(new Date(session.seen_at)),
          <Button key="e" kind="quiet" onClick={() => end(`/sessions/${session.id}`)}>
            {t.end}
          </Button>,
        ])}
        empty={none}
      />
      {sessions.length > 0 && (
        <div class="dialog-actions">
          <Button kind="danger" onClick={() => end("/sessions")}>
            {t.endAll}
          </Button>
        </div>
      )}
    </Dialog>
  );
}

function NewAccount({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const { users: t, close, signIn } = words.value;
  const [problem, setProblem] = useState<string | null>(null);
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const login = String(values.get("login") ?? "").trim();
    const name = String(values.get("name") ?? "").trim();
    try {
      const made = await call<Account>("POST", "/accounts", { login, name, admin: values.has("admin") });
      onClose();
      onMade();
      secret.value = { title: made.login, text: t.codeText, value: made.code ?? "" };
    } catch (error) {
      setProblem(explain(error));
    }
  }
  return (
    <Dialog title={t.make} closeLabel={close} onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        <Field name="login" label={signIn.login} problem={problem} plain autofocus />
        <Field name="name" label={t.makeName} />
        <label class="choice">
          <input type="checkbox" name="admin" />
          {t.makeAdmin}
        </label>
        <div class="dialog-actions">
          <Button kind="primary" type="submit">
            {t.make}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
