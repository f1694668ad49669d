// The dialog that is open.

import type { Client } from "madang";
import { later } from "../ui/later";
import { dialog } from "./state";

const Opened = later(() => import("./opened").then((it) => it.OpenedDialog));

export function Dialogs({ client }: { client: Client }) {
  return dialog.value && <Opened client={client} />;
}
