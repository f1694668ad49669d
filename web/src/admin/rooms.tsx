// All rooms, found by id; one of them opened: its members, reports and audit trail, archiving and deleting it.

import { useEffect, useState } from "preact/hooks";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { number } from "../words/format";
import { call, explain } from "./api";
import { question } from "./asking";
import { type Deed, Trail } from "./audit";
import { changing, FindBox, More, type Paged, usePaged } from "./paged";
import { Region, Table } from "./table";
import { words } from "./words";

interface Room {
  id: string;
  title: string;
  access: string;
  archived?: boolean;
}

interface Shown {
  room: Room;
  sockets: number;
  members: { members: { user: string; name: string; role: string }[]; more: boolean };
}

interface Reported {
  seq: number;
  name: string;
  count: number;
  reports: { name: string; reason?: string }[];
}

const LOBBY = "lobby"; // it cannot be deleted

export function Rooms() {
  const { rooms: t, column, none } = words.value;
  const [open, setOpen] = useState<string | null>(null);
  const list = usePaged<Room>(
    async (after) => {
      const page = await call<{ rooms: Room[]; more: boolean }>("GET", `/rooms?after=${encodeURIComponent(after)}`);
      return { items: page.rooms, more: page.more };
    },
    (room) => room.id,
  );
  return (
    <Region id="rooms" title={t.title}>
      <FindBox label={t.find} onFind={list.find} />
      <Table
        label={t.title}
        head={[column.room, column.title, column.access]}
        keys={list.items.map((room) => room.id)}
        rows={list.items.map((room) => [
          <button
            key="o"
            class="button"
            data-kind="link"
            type="button"
            aria-label={t.open(room.id)}
            onClick={() => setOpen(room.id)}
          >
            {room.id}
          </button>,
          <bdi key="t">{room.title}</bdi>,
          t.access[room.access] ?? room.access,
        ])}
        empty={none}
      />
      <More list={list} what={t.title} />
      {open !== null && <OneRoom id={open} list={list} onClose={() => setOpen(null)} />}
    </Region>
  );
}

function OneRoom({ id, list, onClose }: { id: string; list: Paged<Room>; onClose: () => void }) {
  const { rooms: t, column, close, none, live } = words.value;
  const [shown, setShown] = useState<Shown | null>(null);
  const [reported, setReported] = useState<Reported[]>([]);
  const [deeds, setDeeds] = useState<Deed[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    const load = async () => {
      setShown(await call<Shown>("GET", `/rooms/${id}`));
      setReported((await call<{ reported: Reported[] }>("GET", `/rooms/${id}/reports`)).reported);
      setDeeds((await call<{ entries: Deed[] }>("GET", `/rooms/${id}/audit`)).entries);
    };
    load().catch((error) => setProblem(explain(error)));
  }, [id]);

  const archive = (archived: boolean) => {
    onClose();
    const done = archived ? t.archived(id) : t.unarchived(id);
    void changing(list, done, () => call("PATCH", `/rooms/${id}`, { archived }));
  };
  const remove = () => {
    onClose();
    question.value = {
      title: t.removeAsk(id),
      text: t.removeText,
      action: t.remove,
      run: () => void changing(list, t.removed(id), () => call("DELETE", `/rooms/${id}`)),
    };
  };
  return (
    <Dialog title={id} closeLabel={close} onClose={onClose} size="wide">
      {problem && <p class="problem">{problem}</p>}
      {shown && (
        <>
          <p>
            <bdi>{shown.room.title}</bdi> · {t.access[shown.room.access] ?? shown.room.access} · {live.connections}{" "}
            {number(shown.sockets)}
          </p>
          <h3>{t.members}</h3>
          <Table
            label={t.members}
            head={[column.name, column.role, words.value.users.byId]}
            keys={shown.members.members.map((member) => member.user)}
            rows={shown.members.members.map((member) => [
              <bdi key="n">{member.name}</bdi>,
              t.roles[member.role] ?? member.role,
              member.user,
            ])}
            empty={none}
          />
          <h3>{t.reports}</h3>
          <Table
            label={t.reports}
            head={[column.seq, column.name, column.reports, column.reason]}
            numbers={[0, 2]}
            keys={reported.map((one) => one.seq)}
            rows={reported.map((one) => [
              number(one.seq),
              <bdi key="n">{one.name}</bdi>,
              number(one.count),
              one.reports
                .map((report) => report.reason)
                .filter(Boolean)
                .join(" · "),
            ])}
            empty={none}
          />
          <h3>{t.audit}</h3>
          <Trail label={t.audit} deeds={deeds} />
          {id !== LOBBY && (
            <div class="dialog-actions">
              <Button icon="archive" onClick={() => archive(!shown.room.archived)}>
                {shown.room.archived ? t.unarchive : t.archive}
              </Button>
              <Button kind="danger" icon="trash" onClick={remove}>
                {t.remove}
              </Button>
            </div>
          )}
        </>
      )}
    </Dialog>
  );
}
