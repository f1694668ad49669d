// What goes on around the page: its title and icon, the names of direct rooms, the keyboard of a phone, notifications.

import { followKeyboard } from "./keyboard-inset";
import { followNotifications } from "./notify";
import { followPeers } from "./peers";
import { followTitle } from "./title";

export function follow(): void {
  followTitle();
  followPeers();
  followKeyboard();
  followNotifications();
}
