// One version of a paper: what it said, and what can be done with it.

import { useEffect, useState } from "preact/hooks";
import { attempt, say } from "../../screens/attempt";
import { explain } from "../../session/explain";
import { me } from "../../session/session";
import { hueOf } from "../../ui/avatar";
import { Button } from "../../ui/button";
import { Confirm, Dialog } from "../../ui/dialog";
import { words } from "../../words";
import { COLOURS } from "../notes";
import { Written } from "../Written";
import { paperWords } from "../words";
import type { VersionsProps } from "./Versions";
import { type Content, contentOf, deleteVersion, notesOf, restoreVersion, type Version } from "./versions";
import { versionsWords } from "./words";

export interface PreviewProps extends VersionsProps {
  version: Version;
  title: string;
  line: string;
  /** `changed`: the list is another now. */
  onBack: (changed: boolean) => void;
}

export function Preview({ info, writes, moderates, onClose, version, title, line, onBack }: PreviewProps) {
  const t = versionsWords.value;
  const [content, setContent] = useState<Content | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  useEffect(() => {
    contentOf(info.id, version.version).then(setContent, (error) => setProblem(explain(error)));
  }, [info.id, version.version]);
  const own = writes && version.cause === "asked" && version.user === me.value?.id;

  async function goBack() {
    setBusy(true);
    try {
      const { unchanged } = await restoreVersion(info.id, version.version);
      say(unchanged ? t.same : t.gone);
      onClose();
    } catch (error) {
      setBusy(false);
      setProblem(explain(error));
    }
  }

  return (
    <Dialog title={title} closeLabel={words.value.close} onClose={onClose} size="wide" class="versions">
      <p class="hint">{line}</p>
      {problem !== null && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {content === null && problem === null && <p class="hint">{t.loading}</p>}
      {content !== null && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and nothing in it takes the focus
        <section class="version-body" aria-label={title} tabIndex={0}>
          <Said content={content} />
        </section>
      )}
      {info.finished && <p class="hint">{t.reopenFirst}</p>}
      <div class="dialog-actions">
        {(moderates || own) && (
          <Button kind="quiet" onClick={() => setAsking(true)}>
            {t.delete}
          </Button>
        )}
        <Button autofocus onClick={() => onBack(false)}>
          {t.back}
        </Button>
        {writes && (
          <Button kind="primary" disabled={busy} onClick={() => void goBack()}>
            {t.goBack}
          </Button>
        )}
      </div>
      {asking && (
        <Confirm
          title={t.deleteTitle(title)}
          action={t.deleteAction}
          cancel={words.value.cancel}
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            if (await attempt(deleteVersion(info.id, version.version))) onBack(true);
          }}
        >
          <p>{t.deleteBody}</p>
        </Confirm>
      )}
    </Dialog>
  );
}

function Said({ content }: { content: Content }) {
  const notes = notesOf(content);
  const text = typeof content.text === "string" ? content.text : "";
  if (notes ? notes.length === 0 : !text) return <p class="hint">{versionsWords.value.empty}</p>;
  if (!notes) return <Written text={text} />;
  return (
    <ul class="sheet" data-view="list">
      {notes.map((note) => {
        const name = note.name || words.value.deletedUser;
        return (
          <li
            key={note.id}
            class="note"
            data-colour={note.colour < COLOURS ? note.colour : 0}
            data-hue={hueOf(note.by)}
            aria-label={paperWords.value.note(name)}
          >
            <div class="note-text">
              <Written text={note.text} />
            </div>
            <div class="note-foot">
              <bdi class="note-name cut grow" data-hue={hueOf(note.by)}>
                {name}
              </bdi>
            </div>
          </li>
        );
      })}
    </ul>
  );
}
