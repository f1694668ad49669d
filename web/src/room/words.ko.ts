// What a room says in Korean.

import { counted, type Words } from "./words";

export const ko: Words = {
  messagesIn: (title) => `${title}의 메시지`,
  article: (name, time) => `${name}, ${time}`,
  newMessages: "새 메시지",
  sendAgain: "다시 보내기",
  discard: "지우기",
  message: "메시지",
  addEmoji: "이모지 넣기",
  send: "보내기",
  editMessage: "메시지 수정",
  save: "저장",
  deletedUser: "탈퇴한 사용자",
  deleted: "삭제된 메시지입니다",
  sending: "보내는 중",
  notSent: "보내지 못했습니다",
  empty: "아직 아무 말도 없습니다. 첫마디를 남겨 보세요.",
  start: "이 방의 첫 메시지입니다.",
  loading: "불러오는 중",
  tooLong: (over) => `${counted("ko", over)}자 넘었습니다`,
  left: (n) => `${counted("ko", n)}자 남았습니다`,
  badText: (at) => `${counted("ko", at)}번째 글자는 보낼 수 없습니다. 지워 주세요.`,
  pinned: "고정됨",
};
