// The papers of a room, and a new one.

import { useEffect, useState } from "preact/hooks";
import { type Kind, makePaper, type PaperInfo, paperPath, papersOf } from "../paper/papers";
import { paperWords } from "../paper/words";
import { navigate } from "../route";
import { explain } from "../session/explain";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icon";
import { words } from "../words";
import { more } from "../words/more";
import { Choices } from "./choices";
import { Field } from "./field";
import { Link } from "./link";
import { closeDialog } from "./state";

export function PapersDialog({ room, writes }: { room: string; writes: boolean }) {
  const t = paperWords.value;
  const [papers, setPapers] = useState<PaperInfo[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [making, setMaking] = useState(false);
  useEffect(() => {
    papersOf(room).then(setPapers, (error) => setProblem(explain(error)));
  }, [room]);
  if (making) return <NewPaper room={room} />;
  return (
    <Dialog title={t.title} closeLabel={words.value.close} onClose={closeDialog}>
      {problem !== null && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {papers === null && problem === null && <p class="hint">{more.value.loading}</p>}
      {papers?.length === 0 && (
        <>
          <p>{t.none}</p>
          <p class="hint">{t.hint}</p>
        </>
      )}
      {papers !== null && papers.length > 0 && (
        <ul class="papers">
          {papers.map((paper) => (
            <li key={paper.id}>
              <Link class="menu-item" to={paperPath(room, paper.id)} onClick={closeDialog}>
                <Icon name={paper.finished ? "done" : "note"} />
                <bdi class="cut grow">{paper.title}</bdi>
                {paper.finished && <span class="room-note">{t.isFinished}</span>}
              </Link>
            </li>
          ))}
        </ul>
      )}
      {writes && (
        <div class="dialog-actions">
          <Button kind="primary" icon="add" onClick={() => setMaking(true)}>
            {t.create}
          </Button>
        </div>
      )}
    </Dialog>
  );
}

function NewPaper({ room }: { room: string }) {
  const t = paperWords.value;
  const [kind, setKind] = useState<Kind>("notes");
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const title = String(new FormData(event.currentTarget as HTMLFormElement).get("title") ?? "").trim();
    setBusy(true);
    setProblem(null);
    try {
      const made = await makePaper(room, title, kind);
      closeDialog();
      navigate(paperPath(room, made.id));
    } catch (error) {
      setBusy(false);
      setProblem(explain(error));
    }
  }

  return (
    <Dialog title={t.create} closeLabel={words.value.close} onClose={closeDialog}>
      <form class="form" onSubmit={submit}>
        <Field name="title" label={t.name} problem={problem} autofocus maxLength={40} />
        <Choices
          label={t.kind}
          value={kind}
          options={[
            ["notes", t.kinds.notes],
            ["text", t.kinds.text],
          ]}
          onPick={setKind}
          stacked
        />
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{words.value.cancel}</Button>
          <Button kind="primary" type="submit" disabled={busy}>
            {t.make}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
