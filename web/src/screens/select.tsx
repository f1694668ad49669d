// One of several numbers, in a list that drops down. What is set now is among them, whatever it is.

import { useId } from "preact/hooks";

export interface SelectProps {
  label: string;
  value: number;
  options: readonly number[];
  show: (value: number) => string;
  onPick: (value: number) => void;
}

export function Select({ label, value, options, show, onPick }: SelectProps) {
  const id = useId();
  const all = options.includes(value) ? options : [...options, value].sort((a, b) => a - b);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} class="input" value={value} onChange={(event) => onPick(Number(event.currentTarget.value))}>
        {all.map((option) => (
          <option key={option} value={option}>
            {show(option)}
          </option>
        ))}
      </select>
    </div>
  );
}
