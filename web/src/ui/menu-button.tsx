// A button that opens a menu, which comes in a file of its own.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { IconButton, type IconButtonProps } from "./button";
import type { MenuProps } from "./menu";

export type MenuButtonProps = Pick<IconButtonProps, "label" | "icon" | "class"> & {
  /** The menu, while it is open. */
  children: (open: Omit<MenuProps, "items">) => ComponentChildren;
};

export function MenuButton({ label, icon, class: name, children }: MenuButtonProps) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    <>
      <IconButton
        label={label}
        icon={icon}
        popup="menu"
        expanded={open}
        buttonRef={button}
        onClick={() => setOpen(!open)}
        {...(name ? { class: name } : {})}
      />
      {open && children({ label, anchor: () => button.current, onClose: () => setOpen(false) })}
    </>
  );
}
