// Buttons inside rows: not in the order of Tab, because a row is entered by Enter and walked with the arrows.

import type { ComponentChildren, Ref } from "preact";
import { Icon, type IconName } from "../ui/icon";

export interface ToolProps {
  label: string;
  icon: IconName;
  popup?: "menu" | "dialog";
  expanded?: boolean;
  buttonRef?: Ref<HTMLButtonElement>;
  onClick: () => void;
}

export function Tool({ label, icon, popup, expanded, buttonRef, onClick }: ToolProps) {
  return (
    <button
      ref={buttonRef ?? null}
      type="button"
      class="icon-button"
      tabIndex={-1}
      aria-label={label}
      title={label}
      aria-haspopup={popup}
      aria-expanded={expanded}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

export function RowButton({ children, onClick }: { children: ComponentChildren; onClick: () => void }) {
  return (
    <button type="button" class="button" data-kind="link" tabIndex={-1} onClick={onClick}>
      {children}
    </button>
  );
}
