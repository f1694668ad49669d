// Server keys: which there are, a new one, which is shown once, and deleting one.

import { useEffect, useState } from "preact/hooks";
import { Field } from "../screens/field";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { dateTime } from "../words/format";
import { call, explain, notice, token } from "./api";
import { question, secret } from "./asking";
import { changing } from "./paged";
import { Region, Table } from "./table";
import { words } from "./words";

interface Key {
  id: string;
  label: string;
  scopes?: string;
  created_at: number;
  expires_at?: number;
  key?: string;
}

const DAY_MS = 86_400_000;
const EVERYTHING = "admin"; // the scope of a key for everything

export function Keys() {
  const { keys: t, column, never, none } = words.value;
  const [keys, setKeys] = useState<Key[]>([]);
  const [making, setMaking] = useState(false);
  const reload = () => {
    call<{ keys: Key[] }>("GET", "/keys")
      .then((found) => setKeys(found.keys))
      .catch((error) => {
        if (token.value !== null) notice.value = { text: explain(error), bad: true };
      });
  };
  useEffect(reload, []);
  const remove = (key: Key) => {
    question.value = {
      title: t.removeAsk(key.label),
      text: t.removeText,
      action: t.remove,
      run: () => void changing({ reload }, t.removed(key.label), () => call("DELETE", `/keys/${key.id}`)),
    };
  };
  return (
    <Region id="keys" title={t.title}>
      <Table
        label={t.title}
        head={[column.label, column.scopes, column.created, column.expires, column.actions]}
        keys={keys.map((key) => key.id)}
        rows={keys.map((key) => [
          <bdi key="l">{key.label}</bdi>,
          !key.scopes || key.scopes === EVERYTHING ? t.everything : key.scopes,
          dateTime(key.created_at),
          key.expires_at === undefined ? never : dateTime(key.expires_at),
          <Button key="d" kind="quiet" onClick={() => remove(key)}>
            {t.remove}
          </Button>,
        ])}
        empty={none}
      />
      <div>
        <Button icon="add" onClick={() => setMaking(true)}>
          {t.make}
        </Button>
      </div>
      {making && <NewKey onClose={() => setMaking(false)} onMade={reload} />}
    </Region>
  );
}

function NewKey({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const { keys: t, close } = words.value;
  const [problem, setProblem] = useState<string | null>(null);
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const value = (name: string) => String(values.get(name) ?? "").trim();
    const days = Number(value("days"));
    const limits = {
      ...(value("scopes") ? { scopes: value("scopes").split(/\s+/) } : {}),
      ...(days > 0 ? { for_ms: days * DAY_MS } : {}),
    };
    try {
      const made = await call<Key>("POST", "/keys", { label: value("label"), ...limits });
      onClose();
      onMade();
      secret.value = { title: made.label, text: t.once, value: made.key ?? "" };
    } catch (error) {
      setProblem(explain(error));
    }
  }
  return (
    <Dialog title={t.make} closeLabel={close} onClose={onClose}>
      <form class="form" noValidate onSubmit={(event) => void submit(event)}>
        <Field name="label" label={t.label} problem={problem} autofocus />
        <Field name="scopes" label={t.scopes} hint={t.scopesHint} plain />
        <Field name="days" label={t.days} hint={t.daysHint} plain />
        <div class="dialog-actions">
          <Button kind="primary" type="submit">
            {t.make}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
