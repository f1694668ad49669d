// Dialogs on the browser's own <dialog>: it keeps the focus inside, and gives it back to the opener when the dialog goes.

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Button, IconButton } from "./button";

export interface DialogProps {
  title: string;
  closeLabel: string;
  onClose: () => void;
  size?: "wide";
  /** Of what asks before something that cannot be undone. */
  role?: "alertdialog";
  class?: string;
  children: ComponentChildren;
}

export function Dialog({ title, closeLabel, onClose, size, role, class: name, children }: DialogProps) {
  const id = useId();
  const ref = useModal();
  return (
    <dialog
      ref={ref}
      class={name ? `dialog ${name}` : "dialog"}
      data-size={size}
      role={role}
      aria-labelledby={id}
      onCancel={(event) => dismiss(event, onClose)}
      onPointerDown={(event) => event.target === event.currentTarget && outside(event) && onClose()}
    >
      <div class="dialog-head">
        <h2 id={id} class="grow">
          {title}
        </h2>
        <IconButton label={closeLabel} icon="close" onClick={onClose} />
      </div>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}

export interface ConfirmProps {
  title: string;
  children: ComponentChildren;
  action: string;
  cancel: string;
  onConfirm: () => void;
  onClose: () => void;
}

/** Ask before something that cannot be undone. The focus starts on what changes nothing. */
export function Confirm({ title, children, action, cancel, onConfirm, onClose }: ConfirmProps) {
  const id = useId();
  const ref = useModal();
  return (
    <dialog
      ref={ref}
      class="dialog"
      role="alertdialog"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-body`}
      onCancel={(event) => dismiss(event, onClose)}
    >
      <div class="dialog-head">
        <h2 id={`${id}-title`}>{title}</h2>
      </div>
      <div class="dialog-body">
        <div id={`${id}-body`}>{children}</div>
        <div class="dialog-actions">
          <Button autofocus onClick={onClose}>
            {cancel}
          </Button>
          <Button
            kind="danger"
            onClick={() => {
              onClose();
              onConfirm();
            }}
          >
            {action}
          </Button>
        </div>
      </div>
    </dialog>
  );
}

function useModal() {
  const ref = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return ref;
}

// Who opened the dialog decides when it goes: the browser does not close it by itself.
function dismiss(event: Event, onClose: () => void) {
  event.preventDefault();
  onClose();
}

function outside(event: PointerEvent) {
  const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}
