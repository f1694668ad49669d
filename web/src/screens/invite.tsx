// Letting others in: a link and a code. Into rooms that are not open, by invites, which have an end and can be revoked.

import type { Client, Invite } from "madang";
import { useEffect, useId, useState } from "preact/hooks";
import { roomCode } from "../codes";
import { useStore } from "../room/useStore";
import { roomLink } from "../route";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { words } from "../words";
import { duration, fromNow, number } from "../words/format";
import { more } from "../words/more";
import { attempt } from "./attempt";
import { Share } from "./share";
import { closeDialog, dialog } from "./state";

interface Current {
  id: string;
  expires_ms: number;
  uses?: number;
}

const DAY = 86_400_000;
const DAYS = [1, 7, 30, 90];
const USES = [0, 1, 5, 25, 100];

export function InviteDialog({ client, room: id }: { client: Client; room: string }) {
  const t = more.value.invite;
  const room = client.room(id);
  const { info, role } = useStore(room.store);
  const made = dialog.value?.kind === "invite" && dialog.value.made;
  const invitesOnly = info?.access === "invite";
  const moderates = role === "owner" || role === "moderator";
  return (
    <Dialog
      title={made ? more.value.create.done(info?.title ?? id) : t.title}
      closeLabel={words.value.close}
      onClose={closeDialog}
    >
      {invitesOnly && !moderates && <p>{t.notYours}</p>}
      {info && !invitesOnly && (
        <>
          <p>{made ? more.value.create.share : t.plain}</p>
          <Share label={t.link} value={roomLink(id)} />
          <Share label={t.code} value={roomCode(id)} />
        </>
      )}
      {invitesOnly && moderates && <Invites client={client} id={id} />}
    </Dialog>
  );
}

function Invites({ client, id }: { client: Client; id: string }) {
  const t = more.value.invite;
  const field = useId();
  const [fresh, setFresh] = useState<Invite | null>(null);
  const [current, setCurrent] = useState<Current[] | null>(null);
  const room = client.room(id);

  useEffect(() => {
    void attempt(room.request("invites").then((answer) => setCurrent(answer.invites)));
  }, [room, fresh]);

  const make = (event: SubmitEvent) => {
    event.preventDefault();
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const uses = Number(values.get("uses"));
    const forMs = Number(values.get("days")) * DAY;
    void attempt(room.invite({ forMs, ...(uses ? { uses } : {}) }).then(setFresh));
  };
  const revoke = (invite: string) =>
    void attempt(
      room.request("revoke", { invite }).then(() => {
        setCurrent((all) => all?.filter((each) => each.id !== invite) ?? null);
        if (fresh?.id === invite) setFresh(null);
      }),
    );
  return (
    <>
      {fresh && (
        <>
          <p>{t.holds(duration(fresh.expiresMs))}</p>
          <Share label={t.link} value={roomLink(id, fresh.invite)} />
          <Share label={t.code} value={roomCode(id, fresh.invite)} />
        </>
      )}
      <form class="form-row" onSubmit={make}>
        <div class="field grow">
          <label for={`${field}-days`}>{t.days}</label>
          <select id={`${field}-days`} class="input" name="days">
            {DAYS.map((days) => (
              <option key={days} value={days} selected={days === 7}>
                {duration(days * DAY)}
              </option>
            ))}
          </select>
        </div>
        <div class="field grow">
          <label for={`${field}-uses`}>{t.uses}</label>
          <select id={`${field}-uses`} class="input" name="uses">
            {USES.map((uses) => (
              <option key={uses} value={uses}>
                {uses === 0 ? t.usesAny : number(uses)}
              </option>
            ))}
          </select>
        </div>
        <Button kind={fresh ? "plain" : "primary"} type="submit">
          {fresh ? t.fresh : t.make}
        </Button>
      </form>
      {current !== null && current.length > 0 && (
        <section class="lines">
          <h3>{t.current}</h3>
          <ul>
            {current.map((invite) => (
              <li key={invite.id} class="line">
                <span class="grow">
                  {[t.ends(fromNow(invite.expires_ms)), invite.uses !== undefined && t.left(invite.uses)]
                    .filter(Boolean)
                    .join(" · ")}
                </span>
                <Button kind="link" onClick={() => revoke(invite.id)}>
                  {t.revoke}
                </Button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
