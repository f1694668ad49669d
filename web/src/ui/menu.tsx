// Menus: a list of commands, walked with the arrow keys, by first letters, Home and End.

import { Fragment } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icon";

export interface MenuItem {
  label: string;
  icon?: IconName;
  danger?: boolean;
  /** A line above it. */
  apart?: boolean;
  onPick: () => void;
}

export interface MenuProps {
  label: string;
  items: MenuItem[];
  /** What the menu opens at, and what gets the focus when it goes. */
  anchor: () => HTMLElement | null;
  onClose: () => void;
}

export function Menu({ label, items, anchor, onClose }: MenuProps) {
  const ref = useRef<HTMLDivElement>(null);
  const id = useId();
  const typed = useRef({ text: "", at: 0 });

  useLayoutEffect(() => {
    const menu = ref.current;
    const opener = anchor();
    if (!menu || !opener) return;
    menu.showPopover();
    place(menu, opener.getBoundingClientRect());
    entries(menu)[0]?.focus();
    const outside = (event: Event) => {
      const path = event.composedPath(); // beyond a shadow root the target is its host
      if (!path.includes(menu) && !path.includes(opener)) onClose();
    };
    document.addEventListener("pointerdown", outside, true);
    window.addEventListener("resize", onClose);
    return () => {
      document.removeEventListener("pointerdown", outside, true);
      window.removeEventListener("resize", onClose);
      if (menu.contains(focused(menu))) opener.focus();
    };
  }, []);

  function onKeyDown(event: KeyboardEvent) {
    const menu = event.currentTarget as HTMLElement;
    const all = entries(menu);
    const now = all.indexOf(focused(menu) as HTMLElement);
    const go = (to: number) => all[(to + all.length) % all.length]?.focus();
    if (event.key === "ArrowDown") go(now + 1);
    else if (event.key === "ArrowUp") go(now - 1);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(-1);
    else if (event.key === "Escape" || event.key === "Tab") onClose();
    else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const fresh = event.timeStamp - typed.current.at > 700;
      typed.current = { text: (fresh ? "" : typed.current.text) + event.key.toLowerCase(), at: event.timeStamp };
      const start = typed.current.text.length === 1 ? now + 1 : now;
      const ordered = [...all.slice(start), ...all.slice(0, start)];
      ordered.find((entry) => entry.textContent?.trim().toLowerCase().startsWith(typed.current.text))?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <div ref={ref} id={id} class="menu" role="menu" aria-label={label} popover="manual" onKeyDown={onKeyDown}>
      {items.map((item) => (
        <Fragment key={item.label}>
          {item.apart && <hr class="menu-line" />}
          <button
            type="button"
            class="menu-item"
            role="menuitem"
            tabIndex={-1}
            data-kind={item.danger ? "danger" : undefined}
            onClick={() => {
              // Before anything opens: a dialog gives the focus back to where it was.
              anchor()?.focus();
              onClose();
              item.onPick();
            }}
          >
            {item.icon && <Icon name={item.icon} />}
            {item.label}
          </button>
        </Fragment>
      ))}
    </div>
  );
}

const focused = (menu: HTMLElement) => (menu.getRootNode() as Document | ShadowRoot).activeElement;
const entries = (menu: HTMLElement) => [...menu.querySelectorAll<HTMLElement>('[role="menuitem"]')];

// Below its button, ends together with it; above it or further in where the window ends.
function place(menu: HTMLElement, at: DOMRect) {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const gap = 4;
  const below = at.bottom + gap;
  const top = below + height <= innerHeight - gap ? below : Math.max(gap, at.top - gap - height);
  const left = Math.min(Math.max(gap, at.right - width), innerWidth - width - gap);
  menu.style.setProperty("top", `${top}px`);
  menu.style.setProperty("left", `${left}px`);
}
