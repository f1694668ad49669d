// Buttons: with words, or with an icon and a label for those who do not see it.

import type { ComponentChildren, Ref } from "preact";
import { Icon, type IconName } from "./icon";

export interface ButtonProps {
  children: ComponentChildren;
  kind?: "primary" | "plain" | "quiet" | "danger" | "link";
  icon?: IconName;
  type?: "button" | "submit";
  disabled?: boolean;
  autofocus?: boolean;
  onClick?: (event: MouseEvent) => void;
}

export function Button({ children, kind = "plain", icon, type = "button", disabled, autofocus, onClick }: ButtonProps) {
  return (
    <button
      class="button"
      data-kind={kind}
      type={type}
      disabled={disabled ?? false}
      autofocus={autofocus ?? false}
      onClick={onClick}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export interface IconButtonProps {
  label: string;
  icon: IconName;
  /** Text beside the icon; the label must contain it. */
  text?: ComponentChildren;
  pressed?: boolean;
  expanded?: boolean;
  popup?: "menu" | "dialog";
  disabled?: boolean;
  class?: string;
  id?: string;
  buttonRef?: Ref<HTMLButtonElement>;
  onClick?: (event: MouseEvent) => void;
}

export function IconButton(props: IconButtonProps) {
  return (
    <button
      ref={props.buttonRef ?? null}
      id={props.id}
      class={props.class ? `icon-button ${props.class}` : "icon-button"}
      type="button"
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.pressed}
      aria-expanded={props.expanded}
      aria-haspopup={props.popup}
      disabled={props.disabled ?? false}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
      {props.text !== undefined && <span class="number">{props.text}</span>}
    </button>
  );
}
