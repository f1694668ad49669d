// A box to type one line into, with its label, a hint, and what is wrong with it.

import { useId } from "preact/hooks";

export interface FieldProps {
  name: string;
  label: string;
  problem?: string | null;
  hint?: string | null;
  type?: "text" | "password";
  value?: string;
  /** No capital letters and no spelling: ids and codes. */
  plain?: boolean;
  autocomplete?: string;
  autofocus?: boolean;
  maxLength?: number;
}

export function Field(props: FieldProps) {
  const id = useId();
  const { problem = null, hint = null } = props;
  const described = [hint !== null && `${id}-hint`, problem !== null && `${id}-problem`].filter(Boolean).join(" ");
  const kind = props.type === "password" ? ({ type: "password" } as const) : ({ type: "text" } as const);
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        {...kind}
        id={id}
        class="input"
        name={props.name}
        defaultValue={props.value ?? ""}
        required
        dir={props.type === "password" ? "ltr" : "auto"}
        maxLength={props.maxLength}
        autocomplete={props.autocomplete ?? "off"}
        autocapitalize={props.plain ? "off" : "sentences"}
        spellcheck={!props.plain}
        autofocus={props.autofocus ?? false}
        aria-invalid={problem !== null}
        aria-describedby={described || undefined}
      />
      {hint !== null && (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      )}
      {problem !== null && (
        <p id={`${id}-problem`} class="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
