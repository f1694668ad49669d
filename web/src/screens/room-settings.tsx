// A room's settings. All may read them; moderators change the first ones, owners all. Each is saved as it is changed, but the title.

import type { Client, Room, RoomInfo, RoomSettings } from "madang";
import { useState } from "preact/hooks";
import { useStore } from "../room/useStore";
import { Button } from "../ui/button";
import { Confirm, Dialog } from "../ui/dialog";
import { words } from "../words";
import { duration } from "../words/format";
import { more } from "../words/more";
import { attempt } from "./attempt";
import { Choices } from "./choices";
import { Field } from "./field";
import { Select } from "./select";
import { closeDialog } from "./state";

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const SLOW = [0, 5, 10, 30, 60, 300, 3600].map((seconds) => seconds * SECOND);
const KEEP = [0, 1, 7, 30, 90, 365].map((days) => days * DAY);

export function RoomSettingsDialog({ client, room: id }: { client: Client; room: string }) {
  const t = more.value.room;
  const room = client.room(id);
  const { info, role } = useStore(room.store);
  if (!info) return null;
  return (
    <Dialog title={t.settings} closeLabel={words.value.close} onClose={closeDialog}>
      {role === "owner" || role === "moderator" ? (
        <Settings room={room} info={info} owner={role === "owner"} />
      ) : (
        <>
          <p class="hint">{t.readOnly}</p>
          <Facts info={info} />
        </>
      )}
    </Dialog>
  );
}

function Settings({ room, info, owner }: { room: Room; info: RoomInfo; owner: boolean }) {
  const t = more.value.room;
  const create = more.value.create;
  const [archiving, setArchiving] = useState(false);
  const change = (settings: RoomSettings) => void attempt(room.settings(settings), t.saved);
  return (
    <>
      <form
        class="form-row"
        onSubmit={(event) => {
          event.preventDefault();
          change({ title: String(new FormData(event.currentTarget).get("title") ?? "") });
        }}
      >
        <div class="grow">
          <Field name="title" label={t.title} value={info.title} maxLength={40} />
        </div>
        <Button type="submit">{more.value.save}</Button>
      </form>
      {info.access !== "direct" && (
        <Choices
          label={t.access}
          value={info.access}
          options={[
            ["open", create.open],
            ["unlisted", create.unlisted],
            ["invite", create.invite],
          ]}
          onPick={(access) => change({ access })}
          stacked
        />
      )}
      <Select
        label={t.slow}
        value={info.slowMs}
        options={SLOW}
        show={(ms) => (ms === 0 ? t.slowOff : t.slowEach(duration(ms)))}
        onPick={(slowMs) => change({ slowMs })}
      />
      {owner && (
        <>
          <Choices
            label={t.write}
            value={info.write}
            options={[
              ["everyone", t.everyone],
              ["moderators", t.moderators],
            ]}
            onPick={(write) => change({ write })}
          />
          <Choices
            label={t.history}
            value={info.history}
            options={[
              ["all", t.historyAll],
              ["joined", t.historyJoined],
            ]}
            onPick={(history) => change({ history })}
          />
          <Select
            label={t.keep}
            value={info.keepMs}
            options={KEEP}
            show={(ms) => (ms === 0 ? t.keepAlways : duration(ms))}
            onPick={(keepMs) => change({ keepMs })}
          />
          <div class="field">
            <Button
              kind={info.archived ? "plain" : "danger"}
              onClick={() => (info.archived ? change({ archived: false }) : setArchiving(true))}
            >
              {info.archived ? t.unarchive : t.archive}
            </Button>
            <p class="hint">{t.archiveHint}</p>
          </div>
        </>
      )}
      {archiving && (
        <Confirm
          title={t.archiveTitle(info.title)}
          action={t.archive}
          cancel={words.value.cancel}
          onConfirm={() => change({ archived: true })}
          onClose={() => setArchiving(false)}
        >
          <p>{t.archiveHint}</p>
        </Confirm>
      )}
    </>
  );
}

function Facts({ info }: { info: RoomInfo }) {
  const t = more.value.room;
  const { open, unlisted, invite } = more.value.create;
  const facts: [string, string][] = [
    [t.title, info.title],
    [t.access, { open, unlisted, invite, direct: words.value.rooms.direct }[info.access]],
    [t.write, info.write === "everyone" ? t.everyone : t.moderators],
    [t.slow, info.slowMs ? t.slowEach(duration(info.slowMs)) : t.slowOff],
    [t.history, info.history === "all" ? t.historyAll : t.historyJoined],
    [t.keep, info.keepMs ? duration(info.keepMs) : t.keepAlways],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
