// What a room says in English. Names of what has a role are an interface: tests of others find their way by them.

import { counted, type Words } from "./words";

export const en: Words = {
  messagesIn: (title) => `Messages in ${title}`,
  article: (name, time) => `${name}, ${time}`,
  newMessages: "New messages",
  sendAgain: "Send again",
  discard: "Discard",
  message: "Message",
  addEmoji: "Add an emoji",
  send: "Send",
  editMessage: "Edit message",
  save: "Save",
  deletedUser: "Deleted user",
  deleted: "This message was deleted",
  sending: "Sending",
  notSent: "Not sent",
  empty: "Nothing here yet. Say the first word.",
  start: "This is where the room begins.",
  loading: "Loading",
  tooLong: (over) => `${counted("en", over)} too many characters`,
  left: (n) => `${counted("en", n)} characters left`,
  badText: (at) => `Character ${counted("en", at)} cannot be sent. Remove it.`,
  pinned: "Pinned",
};
