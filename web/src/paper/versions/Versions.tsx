// The versions of a paper: a list, and one of them to look at and go back to. Loaded when it is asked for.

import { useEffect, useState } from "preact/hooks";
import { attempt, say } from "../../screens/attempt";
import { Field } from "../../screens/field";
import { explain } from "../../session/explain";
import { me } from "../../session/session";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Icon, type IconName } from "../../ui/icon";
import { words } from "../../words";
import { dateTime } from "../../words/format";
import { notesIn } from "../notes";
import type { OpenPaper } from "../OpenPaper";
import type { PaperInfo } from "../papers";
import { paperWords } from "../words";
import { Preview } from "./Preview";
import { keepVersion, type Version, versionsOf } from "./versions";
import { versionsWords } from "./words";

export interface VersionsProps {
  paper: OpenPaper;
  info: PaperInfo;
  writes: boolean;
  moderates: boolean;
  onClose: () => void;
}

export function Versions(props: VersionsProps) {
  const { paper, info, writes, onClose } = props;
  const t = versionsWords.value;
  const [versions, setVersions] = useState<Version[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [shown, setShown] = useState<Version | null>(null);
  const [last, setLast] = useState<number | null>(null);
  const load = () => versionsOf(info.id).then(setVersions, (error) => setProblem(explain(error)));
  useEffect(() => void load(), [info.id]);
  const lineOf = (version: Version) => t.line(nameOf(paper, version.user), dateTime(new Date(version.at)));

  if (shown)
    return (
      <Preview
        {...props}
        key={shown.version}
        version={shown}
        title={titleOf(shown)}
        line={lineOf(shown)}
        onBack={(changed) => {
          if (changed) void load();
          setLast(shown.version);
          setShown(null);
        }}
      />
    );
  return (
    <Dialog title={paperWords.value.versions} closeLabel={words.value.close} onClose={onClose} class="versions">
      {writes && <Keep paper={info.id} onKept={load} />}
      {problem !== null && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {versions === null && problem === null && <p class="hint">{t.loading}</p>}
      {versions?.length === 0 && (
        <div>
          <p>{t.none}</p>
          <p class="hint">{t.hint}</p>
        </div>
      )}
      {versions !== null && versions.length > 0 && (
        <ul class="papers" aria-label={t.list}>
          {versions.map((version) => (
            <li key={version.version}>
              <button
                type="button"
                class="menu-item"
                autofocus={version.version === last}
                onClick={() => setShown(version)}
              >
                <Icon name={ICONS[version.cause]} />
                <span class="grow version-line">
                  <bdi class="cut">{titleOf(version)}</bdi>
                  <span class="hint cut">{lineOf(version)}</span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}

const ICONS: Record<Version["cause"], IconName> = { asked: "note", finish: "done", restore: "history" };

const titleOf = ({ cause, title }: Version) => (cause === "asked" ? (title ?? "") : versionsWords.value[cause]);

/** Return what somebody is called, as far as the paper shows it. */
function nameOf(paper: OpenPaper, user: string | undefined): string {
  if (user === undefined) return "";
  if (user === me.value?.id) return me.value.name;
  const here = paper.others.value.find(({ id }) => id === user);
  return here?.name ?? notesIn(paper.doc).find(({ by }) => by === user)?.name ?? "";
}

function Keep({ paper, onKept }: { paper: string; onKept: () => void }) {
  const t = versionsWords.value;
  const [busy, setBusy] = useState(false);
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const title = String(new FormData(form).get("title") ?? "").trim();
    setBusy(true);
    if (await attempt(keepVersion(paper, title))) {
      form.reset();
      say(t.kept);
      onKept();
    }
    setBusy(false);
  }
  return (
    <form class="version-keep" onSubmit={submit}>
      <Field name="title" label={t.name} maxLength={40} />
      <Button type="submit" disabled={busy}>
        {t.keep}
      </Button>
    </form>
  );
}
