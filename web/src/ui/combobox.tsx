// A box to type into, with a list of options that follow what is typed. The focus stays in the box; the arrows walk the list.

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface ComboboxProps<T> {
  label: string;
  placeholder?: string;
  /** The options for what is typed, the best first. */
  find: (query: string) => readonly T[];
  keyOf: (option: T) => string;
  show: (option: T) => ComponentChildren;
  onPick: (option: T) => void;
  /** Said where nothing is found. */
  nothing: string;
}

export function Combobox<T>({ label, placeholder, find, keyOf, show, onPick, nothing }: ComboboxProps<T>) {
  const id = useId();
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const options = find(query);
  const active = Math.min(at, options.length - 1);

  useLayoutEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [active]);

  function onKeyDown(event: KeyboardEvent) {
    // The keys of a composition are the input method's.
    if (event.isComposing || options.length === 0) return;
    if (event.key === "ArrowDown") setAt((active + 1) % options.length);
    else if (event.key === "ArrowUp") setAt((active - 1 + options.length) % options.length);
    else return;
    event.preventDefault();
  }

  return (
    <form
      class="combobox"
      onSubmit={(event) => {
        event.preventDefault();
        const option = options[active];
        if (option !== undefined) onPick(option);
      }}
    >
      <input
        class="input"
        role="combobox"
        aria-label={label}
        aria-controls={`${id}-list`}
        aria-expanded={options.length > 0}
        aria-autocomplete="list"
        aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
        placeholder={placeholder}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        enterkeyhint="go"
        autofocus
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div ref={list} id={`${id}-list`} class="options" role="listbox" aria-label={label} hidden={options.length === 0}>
        {options.map((option, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the box's, where the focus stays
          <div
            key={keyOf(option)}
            id={`${id}-${index}`}
            class="menu-item"
            role="option"
            tabIndex={-1}
            aria-selected={index === active}
            onPointerMove={() => index !== active && setAt(index)}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => onPick(option)}
          >
            {show(option)}
          </div>
        ))}
      </div>
      {options.length === 0 && <p class="hint">{nothing}</p>}
    </form>
  );
}
