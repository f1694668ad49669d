// The icons, as inline SVG in the colour of the text beside them. They are decoration: the name is in the text or the label.

import type { MoreIconName } from "./icons-more";
import type { PageIconName } from "./icons-page";

const first = {
  add: "M10 4v12M4 10h12",
  close: "M5 5l10 10M15 5L5 15",
  down: "M5 8l5 5 5-5",
  emoji:
    "M10 2.75a7.25 7.25 0 1 0 0 14.5 7.25 7.25 0 1 0 0-14.5M6.8 11.5c.7 1.4 1.9 2.1 3.2 2.1s2.5-.7 3.2-2.1M7.4 7.7v.2M12.6 7.7v.2",
} as const;

export type IconName = keyof typeof first | PageIconName | MoreIconName;

const paths: Partial<Record<IconName, string>> = first;

/** Have more of them: those of the page, and of parts that come later. */
export function addIcons(more: Partial<Record<IconName, string>>): void {
  Object.assign(paths, more);
}

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={paths[name]} stroke-width={name === "more" ? 2.75 : undefined} />
    </svg>
  );
}
