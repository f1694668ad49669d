// What the door says, and what went wrong in words, in English: loaded with the door, or with what comes later.

export const doorEn = {
  lead: "Rooms to talk in.",
  toARoom: "To a room.",
  toRoom: (title: string) => `To the room ${title}.`,
  name: "Your name",
  enter: "Enter",
  noAccount: "No account needed.",
  asGuest: "Come in with a name alone",
  account: "Sign in to an account",
  login: "Login",
  password: "Password",
  passwordHint: "8 characters or more",
  signIn: "Sign in",
  signUp: "Make an account",
  connecting: "Connecting …",

  errors: {
    unknown: "That did not work.",
    again: "Try again.",
    offline: "The server does not answer. Try again.",
    codes: {
      bad_name:
        "This name cannot be used. Choose 1 to 40 visible characters, and no name of the staff such as “admin”.",
      bad_words: "There is a word in it that is not allowed here.",
      bad_field: "Something in it is not as it must be. Check what you typed.",
      bad_password: "This cannot be a password. Choose 8 to 256 characters.",
      wrong_password: "Login and password do not belong together. Type them again.",
      login_taken: "This login is taken. Choose another, or sign in.",
      no_guests: "This server has no guests. Sign in with an account.",
      bad_token: "You are signed out. Sign in again.",
      forbidden: "Your role in this room does not allow that.",
      not_found: "That is no longer there, or not open to you.",
      gone: "This message has been deleted.",
      room_exists: "There is already a room of this name. Choose another.",
      last_owner: "You are the last owner. Make somebody else an owner first.",
      too_many: "There are too many already. Remove one first.",
      kicked: "You were removed from this room, and can join again later.",
      banned: "You are banned from this room.",
      muted: "You are muted in this room.",
      archived: "This room is archived: it can be read, and nobody writes.",
      rate_limited: "That was too fast. Wait a moment, then try again.",
      slow_mode: "This room is in slow mode. Wait a moment, then try again.",
      quota: "You have done that as often as a day allows. Try again tomorrow.",
      overloaded: "The server is busy. Try again in a moment.",
      draining: "The server is restarting. Try again in a moment.",
      storage_full: "The server's disk is full. Try again later.",
      too_big: "That is too long. Shorten it.",
    } as Record<string, string>,
  },
};

export type DoorWords = typeof doorEn;
