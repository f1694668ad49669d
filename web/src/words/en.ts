// What the page says from the start, in English. The other language has the same keys, or it does not compile.

export const en = {
  app: "Madang",
  close: "Close",
  cancel: "Cancel",
  skip: "Skip to messages",
  language: "Language",
  deletedUser: "Deleted user",

  signIn: {
    again: "Sign in again",
    ended: "You were signed out. What was loaded is still here.",
    gone: "This account is no longer there.",
  },

  rooms: {
    nav: "Rooms",
    item: (title: string, mentions: number, unread: number) =>
      [title, mentions ? `mentions ${count(mentions)}` : "", unread ? `unread ${count(unread)}` : ""]
        .filter(Boolean)
        .join(", "),
    filter: "Filter rooms",
    none: "You are in no room yet.",
    noMatch: (query: string) => `No room of yours is called “${query}”.`,
    create: "Create a room",
    joinCode: "Join with a code",
    find: "Find a room",
    settings: "Settings",
    isOpen: "Open to all",
    nothing: "No room is called that.",
    muted: "Notifications off",
    archived: "Archived",
    draft: "Draft",
    direct: "Direct message",
  },

  header: {
    reports: (n: number) => (n ? `Reports ${n}` : "Reports"),
    search: "Search messages",
    results: "Back to the results",
    pins: "Pinned messages",
    members: (n: string | null) => (n === null ? "Members" : `Members, ${n} online`),
    invite: "Invite",
    menu: "Room menu",
    back: "Back to rooms",
  },

  connection: {
    reconnecting: "Reconnecting. What you write is kept.",
    offline: "You are offline. What you write is kept.",
    full: "The server's disk is full. What you write is kept, and sent when there is room.",
    tryNow: "Try now",
    next: (time: string) => `Next try in ${time}.`,
  },
};

/** Numbers from 1,000 on are not counted. */
function count(n: number): string {
  return n >= 1000 ? "999+" : String(n);
}

export type Words = typeof en;
