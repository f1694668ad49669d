// One of a few: radio buttons under a label.

import { useId } from "preact/hooks";

export interface ChoicesProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onPick: (value: T) => void;
  /** One below the other. */
  stacked?: boolean;
  disabled?: boolean;
}

export function Choices<T extends string>({ label, value, options, onPick, stacked, disabled }: ChoicesProps<T>) {
  const id = useId();
  return (
    <div class="field" role="radiogroup" aria-labelledby={id}>
      <span id={id} class="label">
        {label}
      </span>
      <div class="choices" data-stacked={stacked ? "" : undefined}>
        {options.map(([option, text]) => (
          <label key={option} class="choice">
            <input
              type="radio"
              name={id}
              checked={option === value}
              disabled={disabled ?? false}
              onChange={() => onPick(option)}
            />
            {text}
          </label>
        ))}
      </div>
    </div>
  );
}

export interface CheckProps {
  label: string;
  hint?: string;
  on: boolean;
  disabled?: boolean;
  onChange: (on: boolean) => void;
}

/** Yes or no. */
export function Check({ label, hint, on, disabled, onChange }: CheckProps) {
  const id = useId();
  return (
    <div>
      <label class="choice">
        <input
          type="checkbox"
          checked={on}
          disabled={disabled ?? false}
          aria-describedby={hint ? id : undefined}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
        {label}
      </label>
      {hint && (
        <p id={id} class="hint">
          {hint}
        </p>
      )}
    </div>
  );
}
