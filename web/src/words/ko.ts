// What the page says from the start, in Korean. No particle follows a value, or it is chosen by the value's last syllable.

import type { Words } from "./en";

export const ko: Words = {
  app: "마당",
  close: "닫기",
  cancel: "취소",
  skip: "메시지로 건너뛰기",
  language: "언어",
  deletedUser: "탈퇴한 사용자",

  signIn: {
    again: "다시 로그인",
    ended: "로그아웃되었습니다. 불러온 내용은 그대로 있습니다.",
    gone: "이 계정은 더 이상 없습니다.",
  },

  rooms: {
    nav: "방",
    item: (title, mentions, unread) =>
      [title, mentions ? `멘션 ${count(mentions)}` : "", unread ? `안 읽음 ${count(unread)}` : ""]
        .filter(Boolean)
        .join(", "),
    filter: "방 거르기",
    none: "아직 들어간 방이 없습니다.",
    noMatch: (query) => `“${query}” 이름의 방이 없습니다.`,
    create: "방 만들기",
    joinCode: "코드로 참여",
    find: "방 찾기",
    settings: "설정",
    isOpen: "누구나",
    nothing: "그런 이름의 방이 없습니다.",
    muted: "알림 꺼짐",
    archived: "보관됨",
    draft: "쓰던 글",
    direct: "1:1 대화",
  },

  header: {
    reports: (n) => (n ? `신고 ${n}` : "신고"),
    search: "메시지 검색",
    results: "검색 결과로 돌아가기",
    pins: "고정된 메시지",
    members: (n) => (n === null ? "참여자" : `참여자, 접속 인원 ${n}`),
    invite: "초대",
    menu: "방 메뉴",
    back: "방 목록으로",
  },

  connection: {
    reconnecting: "다시 연결하는 중입니다. 쓰신 글은 보관됩니다.",
    offline: "인터넷에 연결되어 있지 않습니다. 쓰신 글은 보관됩니다.",
    full: "서버의 저장 공간이 가득 찼습니다. 쓰신 글은 보관되었다가 자리가 나면 전송됩니다.",
    tryNow: "지금 연결",
    next: (time) => `${time} 뒤에 다시 연결합니다.`,
  },
};

/** Numbers from 1,000 on are not counted. */
function count(n: number): string {
  return n >= 1000 ? "999+" : String(n);
}
