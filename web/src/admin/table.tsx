// Parts that all lists of the operator's page are made of: a region with its heading, and a table that scrolls by itself.

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

export function Region(props: { id?: string; title: string; class?: string; children: ComponentChildren }) {
  const heading = useId();
  return (
    <section id={props.id} class={props.class ? `region ${props.class}` : "region"} aria-labelledby={heading}>
      <h2 id={heading}>{props.title}</h2>
      {props.children}
    </section>
  );
}

export interface TableProps {
  label: string;
  head: string[];
  rows: ComponentChildren[][];
  keys: (string | number)[];
  empty: string;
  /** Columns of numbers. */
  numbers?: number[];
}

export function Table({ label, head, rows, keys, empty, numbers = [] }: TableProps) {
  if (!rows.length) return <p class="hint">{empty}</p>;
  const kind = (column: number) => (numbers.includes(column) ? "number" : undefined);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div class="scrolls" tabIndex={0}>
      <table class="table" aria-label={label}>
        <thead>
          <tr>
            {head.map((name, column) => (
              <th key={name} scope="col" class={kind(column)}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, n) => (
            <tr key={keys[n]}>
              {row.map((cell, column) => (
                <td key={head[column]} class={kind(column)}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
