// A paper's title, who is in it, and what can be done with it as a whole.

import { useState } from "preact/hooks";
import { copy } from "../room/copy";
import { navigate, roomPath } from "../route";
import { attempt } from "../screens/attempt";
import { Field } from "../screens/field";
import { isNarrow } from "../screens/state";
import { me } from "../session/session";
import { Avatar } from "../ui/avatar";
import { Button, IconButton } from "../ui/button";
import { Confirm, Dialog } from "../ui/dialog";
import { later } from "../ui/later";
import { Menu, type MenuItem } from "../ui/menu";
import { MenuButton } from "../ui/menu-button";
import { words } from "../words";
import { number } from "../words/format";
import { more } from "../words/more";
import type { OpenPaper } from "./OpenPaper";
import { deletePaper, finishPaper, type PaperInfo, paperPath, renamePaper, reopenPaper } from "./papers";
import { paperWords } from "./words";

const FACES = 4;

type Asked = "finish" | "rename" | "delete" | "versions" | null;

const Versions = later(async () => (await import("./versions/Versions")).Versions);

interface PaperHeaderProps {
  paper: OpenPaper;
  info: PaperInfo;
  writes: boolean;
  moderates: boolean;
}

export function PaperHeader({ paper, info, writes, moderates }: PaperHeaderProps) {
  const t = paperWords.value;
  const [asked, ask] = useState<Asked>(null);
  const { id, room, title, finished } = info;
  const may = moderates && !finished;

  const items = (): MenuItem[] =>
    [
      may && isNarrow() && { label: t.finish, icon: "done" as const, onPick: () => ask("finish") },
      { label: t.print, icon: "print" as const, onPick: () => window.print() },
      {
        label: t.copyLink,
        icon: "link" as const,
        onPick: () => void attempt(copy(location.origin + paperPath(room, id)), more.value.copied),
      },
      { label: t.versions, icon: "history" as const, onPick: () => ask("versions") },
      moderates && { label: t.rename, icon: "edit" as const, onPick: () => ask("rename") },
      moderates &&
        finished && { label: t.reopen, icon: "undo" as const, onPick: () => void attempt(reopenPaper(id), t.reopened) },
      moderates && { label: t.delete, icon: "trash" as const, danger: true, apart: true, onPick: () => ask("delete") },
    ].filter((item) => item !== false);

  const close = () => ask(null);
  return (
    <header class="head paper-head">
      <IconButton label={t.back} icon="back" onClick={() => navigate(roomPath(room))} />
      <h1 class="cut grow">
        <bdi>{title}</bdi>
      </h1>
      <Here paper={paper} />
      {may && (
        <span class="paper-wide">
          <Button icon="done" onClick={() => ask("finish")}>
            {t.finish}
          </Button>
        </span>
      )}
      <MenuButton label={t.menu} icon="more">
        {(open) => <Menu {...open} items={items()} />}
      </MenuButton>
      {asked === "finish" && (
        <Ask title={t.finishTitle} body={t.finishBody} action={t.finish} onClose={close}>
          {() => void attempt(finishPaper(id))}
        </Ask>
      )}
      {asked === "versions" && <Versions {...{ paper, info, writes, moderates }} onClose={close} />}
      {asked === "rename" && <Rename info={info} onClose={close} />}
      {asked === "delete" && (
        <Confirm
          title={t.deleteTitle(title)}
          action={t.deleteAction}
          cancel={words.value.cancel}
          onClose={close}
          onConfirm={async () => {
            if (await attempt(deletePaper(id))) navigate(roomPath(room), { replace: true });
          }}
        >
          <p>{t.deleteBody}</p>
        </Confirm>
      )}
    </header>
  );
}

/** Who has the paper open, oneself first. */
function Here({ paper }: { paper: OpenPaper }) {
  const people = new Map(paper.others.value.map(({ id, name }) => [id, name]));
  if (me.value) people.delete(me.value.id);
  const all = [...(me.value ? [[me.value.id, me.value.name] as const] : []), ...people];
  return (
    <p class="paper-here">
      <span class="unseen">{paperWords.value.here(all.map(([, name]) => name))}</span>
      {all.slice(0, FACES).map(([id, name]) => (
        <span key={id} title={name}>
          <Avatar id={id} name={name} />
        </span>
      ))}
      {all.length > FACES && (
        <span class="paper-more number" aria-hidden="true">
          +{number(all.length - FACES)}
        </span>
      )}
    </p>
  );
}

/** Ask before something that can be taken back. */
function Ask(props: { title: string; body: string; action: string; onClose: () => void; children: () => void }) {
  return (
    <Dialog title={props.title} closeLabel={words.value.close} onClose={props.onClose}>
      <p>{props.body}</p>
      <div class="dialog-actions">
        <Button onClick={props.onClose}>{words.value.cancel}</Button>
        <Button
          kind="primary"
          autofocus
          onClick={() => {
            props.onClose();
            props.children();
          }}
        >
          {props.action}
        </Button>
      </div>
    </Dialog>
  );
}

function Rename({ info, onClose }: { info: PaperInfo; onClose: () => void }) {
  const t = paperWords.value;
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const title = String(new FormData(event.currentTarget as HTMLFormElement).get("title") ?? "").trim();
    if (await attempt(renamePaper(info.id, title))) onClose();
  }
  return (
    <Dialog title={t.rename} closeLabel={words.value.close} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <Field name="title" label={t.newName} value={info.title} autofocus maxLength={40} />
        <div class="dialog-actions">
          <Button onClick={onClose}>{words.value.cancel}</Button>
          <Button kind="primary" type="submit">
            {more.value.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
