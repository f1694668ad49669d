// What the user sets for this device, their name, and the way out.

import type { Client } from "madang";
import { useState } from "preact/hooks";
import { explain } from "../session/explain";
import { signOut } from "../session/leaving";
import { askToNotify, permission } from "../session/notify";
import { prefs, setPref } from "../session/prefs";
import { me } from "../session/session";
import { Button } from "../ui/button";
import { Confirm, Dialog } from "../ui/dialog";
import { type Language, language, words } from "../words";
import { more } from "../words/more";
import { say } from "./attempt";
import { Check, Choices } from "./choices";
import { Field } from "./field";
import { closeDialog, openDialog } from "./state";

const LANGUAGES: readonly (readonly [Language, string])[] = [
  ["en", "English"],
  ["ko", "한국어"],
];

export function SettingsDialog({ client }: { client: Client }) {
  const t = more.value.settings;
  const now = prefs.value;
  return (
    <Dialog title={words.value.rooms.settings} closeLabel={words.value.close} onClose={closeDialog}>
      <Profile client={client} />
      <Choices
        label={words.value.language}
        value={language.value}
        options={LANGUAGES}
        onPick={(picked) => setPref("language", picked)}
      />
      <Choices
        label={t.theme}
        value={now.theme}
        options={[
          ["system", t.themes.system],
          ["light", t.themes.light],
          ["dark", t.themes.dark],
        ]}
        onPick={(theme) => setPref("theme", theme)}
      />
      <Choices
        label={t.density}
        value={now.density}
        options={[
          ["cosy", t.densities.cosy],
          ["compact", t.densities.compact],
        ]}
        onPick={(density) => setPref("density", density)}
      />
      <Choices
        label={t.clock}
        value={now.hours24 ? "h24" : "system"}
        options={[
          ["system", t.clocks.system],
          ["h24", t.clocks.h24],
        ]}
        onPick={(clock) => setPref("hours24", clock === "h24")}
      />
      <Group label={t.writing}>
        <Check
          label={t.enterSends}
          hint={t.enterHint}
          on={now.enterSends}
          onChange={(on) => setPref("enterSends", on)}
        />
      </Group>
      <Notifications />
      <Choices
        label={t.announce}
        value={now.announce}
        options={[
          ["all", t.announces.all],
          ["mentions", t.announces.mentions],
          ["none", t.announces.none],
        ]}
        onPick={(announce) => setPref("announce", announce)}
      />
      <div class="dialog-ends">
        <Button kind="quiet" onClick={() => openDialog({ kind: "keys" })}>
          {t.keys}
        </Button>
        <Button kind="danger" icon="door" onClick={() => openDialog({ kind: "forget" })}>
          {t.forget}
        </Button>
      </div>
    </Dialog>
  );
}

function Group({ label, children }: { label: string; children: preact.ComponentChildren }) {
  return (
    <fieldset class="field">
      <legend>{label}</legend>
      {children}
    </fieldset>
  );
}

function Profile({ client }: { client: Client }) {
  const t = more.value.settings;
  const [problem, setProblem] = useState<string | null>(null);
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget as HTMLFormElement).get("name") ?? "").trim();
    try {
      me.value = await client.profile({ name });
      setProblem(null);
      say(more.value.room.saved);
    } catch (error) {
      setProblem(explain(error));
    }
  }
  return (
    <form class="form-row" onSubmit={submit}>
      <div class="grow">
        <Field name="name" label={t.profile} value={me.value?.name ?? ""} problem={problem} maxLength={40} />
      </div>
      <Button type="submit">{t.change}</Button>
    </form>
  );
}

function Notifications() {
  const t = more.value.settings;
  const allowed = permission.value;
  return (
    <Group label={t.notify}>
      {allowed === "none" && <p class="hint">{t.notifyNone}</p>}
      {allowed === "denied" && <p class="hint">{t.notifyDenied}</p>}
      {allowed === "default" && (
        <Button icon="bell" onClick={() => void askToNotify()}>
          {t.notifyAsk}
        </Button>
      )}
      {allowed === "granted" && (
        <>
          <Check label={t.notifyOn} on={prefs.value.notify} onChange={(on) => setPref("notify", on)} />
          <Check
            label={t.sound}
            on={prefs.value.sound}
            disabled={!prefs.value.notify}
            onChange={(on) => setPref("sound", on)}
          />
        </>
      )}
    </Group>
  );
}

export function ForgetDialog() {
  const t = more.value.settings;
  return (
    <Confirm
      title={t.forgetTitle}
      action={t.signOut}
      cancel={words.value.cancel}
      onConfirm={() => void signOut()}
      onClose={closeDialog}
    >
      <p>{t.forgetWhat}</p>
    </Confirm>
  );
}
