// The words of what a room shows once somebody points at something or asks for it: loaded with the extras, in both languages.

import { counted, useSpeech } from "./words";

type Value = (value: string) => string;
type Count = (n: number) => string;

export interface MoreWords {
  actionsFor: Value;
  react: string;
  reply: string;
  more: string;
  edit: string;
  copied: string;
  copyCode: string;
  copyText: string;
  copyLink: string;
  pin: string;
  unpin: string;
  markUnread: string;
  remove: string;
  report: string;
  loadBetween: string;
  newSince: (n: number, time: string) => string;
  jumpThere: string;
  markRead: string;
  editing: string;
  cancelEdit: string;
  people: string;
  cancel: string;
  confirmDelete: string;
  confirmDeleteWhat: string;
  online: string;
  moderator: string;
  owner: string;
  viewer: string;
  quickReactions: string;
  allEmoji: string;
  findEmoji: string;
  noEmoji: string;
  reported: string;
  linkCopied: string;
  heard: (name: string, text: string) => string;
  heardMany: Count;
}

const en: MoreWords = {
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
};

const ko: MoreWords = {
  actionsFor: (name) => `${name} 메시지의 동작`,
  react: "반응",
  reply: "답장",
  more: "더 보기",
  edit: "수정",
  copied: "복사했습니다",
  copyCode: "코드 복사",
  copyText: "글 복사",
  copyLink: "링크 복사",
  pin: "고정",
  unpin: "고정 해제",
  markUnread: "여기부터 안 읽음",
  remove: "삭제",
  report: "신고",
  loadBetween: "사이 메시지 불러오기",
  newSince: (n, time) => `${time} 이후 새 메시지 ${counted("ko", n)}개`,
  jumpThere: "이동",
  markRead: "읽음으로 표시",
  editing: "수정 중",
  cancelEdit: "수정 취소",
  people: "사람",
  cancel: "취소",
  confirmDelete: "이 메시지를 삭제할까요?",
  confirmDeleteWhat: "삭제한 메시지는 아무도 읽을 수 없고 되돌릴 수 없습니다.",
  online: "접속 중",
  moderator: "운영자",
  owner: "방장",
  viewer: "구경꾼",
  quickReactions: "반응",
  allEmoji: "모든 이모지",
  findEmoji: "이모지 찾기",
  noEmoji: "그런 이름의 이모지가 없습니다. 키보드에는 있을 수 있습니다.",
  reported: "신고했습니다. 운영자가 살펴봅니다.",
  linkCopied: "링크를 복사했습니다",
  heard: (name, text) => `${name}: ${text}`,
  heardMany: (n) => `새 메시지 ${counted("ko", n)}개`,
};

/** Return these words in the language of the room that a component is part of. */
export function useMore(): MoreWords {
  return useSpeech().language === "ko" ? ko : en;
}
