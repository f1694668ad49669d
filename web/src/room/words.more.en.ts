// What a room says in English once somebody points at something or asks for it.

import { counted } from "./words";
import type { MoreWords } from "./words.more";

export const en: MoreWords = {
  actionsFor: (name) => `Actions for the message by ${name}`,
  react: "React",
  reply: "Reply",
  more: "More",
  edit: "Edit",
  copied: "Copied",
  copyCode: "Copy code",
  copyText: "Copy text",
  copyLink: "Copy link",
  pin: "Pin",
  unpin: "Unpin",
  markUnread: "Mark unread from here",
  remove: "Delete",
  report: "Report",
  loadBetween: "Load what is between",
  newSince: (n, time) => `${counted("en", n)} new since ${time}`,
  jumpThere: "Jump",
  markRead: "Mark as read",
  editing: "Editing",
  cancelEdit: "Cancel editing",
  people: "People",
  cancel: "Cancel",
  confirmDelete: "Delete this message?",
  confirmDeleteWhat: "Nobody can read it after that, and it does not come back.",
  online: "online",
  moderator: "Moderator",
  owner: "Owner",
  viewer: "Viewer",
  quickReactions: "Reactions",
  allEmoji: "All emoji",
  findEmoji: "Find an emoji",
  noEmoji: "None of that name. Your keyboard may have it.",
  reported: "Reported. The moderators will look at it.",
  linkCopied: "The link is copied",
  heard: (name, text) => `${name}: ${text}`,
  heardMany: (n) => `${counted("en", n)} new messages`,
  jump: "Jump to latest",
  jumpNew: (n) => `New messages ${counted("en", n)}, jump to latest`,
  jumpNewShown: (n) => `New messages ${counted("en", n)}`,
  typing: (names) =>
    names.length > 3
      ? "Several people are typing"
      : `${new Intl.ListFormat("en").format(names)} ${names.length === 1 ? "is" : "are"} typing`,
  slow: (s) => `You can write in ${s} s`,
  offline: "You are offline. What you write is sent when you are back.",
  replyingTo: (name) => `Replying to ${name}`,
  cancelReply: "Cancel reply",
  edited: "(edited)",
  editedAt: (time) => `Edited ${time}`,
  showAll: (n) => `Show all ${counted("en", n)} lines`,
  showLess: "Show less",
  quoteGone: "The message is not there any longer",
  quoteDeleted: "Deleted message",
  readOnly: {
    archived: "This room is archived. It can be read, and nobody writes.",
    moderators: "Here only moderators write.",
    viewer: "You can read here. A moderator can let you write.",
    muted: "A moderator has muted you here. You can go on reading.",
    mutedUntil: (time) => `A moderator has muted you here until ${time}. You can go on reading.`,
    left: "You are not in this room any longer.",
    refused: "You cannot enter this room.",
  },
  notice: {
    joined: (names, others) => `${people(names, others)} joined`,
    left: (names, others) => `${people(names, others)} left`,
    kicked: (names, others) => `${people(names, others)} ${many(names, others)} removed from the room`,
    banned: (names, others) => `${people(names, others)} ${many(names, others)} banned from the room`,
    muted: (names, others) => `${people(names, others)} ${many(names, others)} muted`,
    unmuted: (names, others) => `${people(names, others)} can write again`,
    role: (names, others) => `The role of ${people(names, others)} has changed`,
    created: (names) => `${names[0] ?? ""} opened the room`,
    changed: (names) => `${names[0] ?? ""} changed the room's settings`,
    purged: () => "Older messages are not kept",
  },
  errors: {
    bad_text: "It has characters that cannot be sent.",
    bad_words: "It has a word that is not allowed here.",
    too_big: "It is too long.",
    empty: "There is nothing in it.",
    forbidden: "Your role does not allow it.",
    muted: "You are muted here.",
    archived: "The room is archived.",
    not_found: "What it answers is not there any longer.",
    gone: "The message has been deleted.",
    quota: "That was all for today. It can be sent tomorrow.",
    too_many: "There are too many already.",
    not_member: "You are not in this room any longer.",
    rate_limited: "That was too fast. Wait a moment.",
    slow_mode: "The room is in slow mode. Wait a moment.",
    storage_full: "The server has no room left. It is kept here.",
    outbox_full: "Too much is waiting to be sent. Wait until you are online.",
  },
  failed: "That did not work. Try again.",
};

function people(names: readonly string[], others: number): string {
  const more = others > 0 ? [`${counted("en", others)} ${others === 1 ? "other" : "others"}`] : [];
  return new Intl.ListFormat("en").format([...names, ...more]);
}

function many(names: readonly string[], others: number): string {
  return names.length + others > 1 ? "were" : "was";
}
