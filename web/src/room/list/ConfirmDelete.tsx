// The question before a message is deleted.

import { Confirm } from "../../ui/dialog";
import { useMore } from "../words.more";

export function ConfirmDelete(props: { onClose: () => void; onConfirm: () => void }) {
  const words = useMore();
  return (
    <Confirm title={words.confirmDelete} action={words.remove} cancel={words.cancel} {...props}>
      <p>{words.confirmDeleteWhat}</p>
    </Confirm>
  );
}
