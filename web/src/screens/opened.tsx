// Which dialog is which.

import "../ui/icons-more";
import type { Client } from "madang";
import { AuditDialog } from "./audit";
import { BansDialog } from "./bans";
import { CodeDialog } from "./code";
import { CreateDialog } from "./create";
import { DateDialog } from "./date";
import { InviteDialog } from "./invite";
import { KeysDialog } from "./keys-help";
import { LeaveDialog } from "./leave";
import { PapersDialog } from "./papers";
import { RoomSettingsDialog } from "./room-settings";
import { RemoveDialog, RoleDialog, SanctionDialog } from "./sanction";
import { ForgetDialog, SettingsDialog } from "./settings";
import { dialog } from "./state";
import { Switcher } from "./switcher";

export function OpenedDialog({ client }: { client: Client }) {
  const open = dialog.value;
  switch (open?.kind) {
    case "create":
      return <CreateDialog client={client} />;
    case "code":
      return <CodeDialog />;
    case "date":
      return <DateDialog />;
    case "find":
      return <Switcher client={client} />;
    case "settings":
      return <SettingsDialog client={client} />;
    case "keys":
      return <KeysDialog />;
    case "forget":
      return <ForgetDialog />;
    case "invite":
      return <InviteDialog key={open.room} client={client} room={open.room} />;
    case "room":
      return <RoomSettingsDialog client={client} room={open.room} />;
    case "leave":
      return <LeaveDialog client={client} room={open.room} />;
    case "bans":
      return <BansDialog client={client} room={open.room} />;
    case "audit":
      return <AuditDialog client={client} room={open.room} />;
    case "papers":
      return <PapersDialog room={open.room} writes={open.writes} />;
    case "remove":
      return <RemoveDialog client={client} {...open} />;
    case "role":
      return <RoleDialog client={client} {...open} />;
    case "ban":
    case "mute":
      return <SanctionDialog client={client} {...open} />;
    case undefined:
      return null;
  }
}
