// Links inside of the page: they change the address without loading the page again.

import type { ComponentChildren } from "preact";
import { navigate } from "../route";

export interface LinkProps {
  to: string;
  children: ComponentChildren;
  class?: string;
  label?: string;
  description?: string | undefined;
  current?: boolean;
  unread?: boolean;
  muted?: boolean;
  onClick?: () => void;
}

export function Link({ to, children, onClick, ...props }: LinkProps) {
  return (
    <a
      class={props.class}
      aria-label={props.label}
      aria-description={props.description}
      aria-current={props.current ? "page" : undefined}
      data-unread={props.unread ? "" : undefined}
      data-muted={props.muted ? "" : undefined}
      href={to}
      onClick={(event) => {
        onClick?.();
        // A new tab or window is the browser's.
        if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        navigate(to);
      }}
    >
      {children}
    </a>
  );
}
