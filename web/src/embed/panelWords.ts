// What the widget says around a room, in two languages.

export const WORDS = {
  en: {
    close: "Close",
    name: "Your name",
    enter: "Enter",
    again: "Sign in again",
    ended: "You were signed out.",
    refused: "This room cannot be opened.",
    badName: "This name cannot be used. Choose another.",
  },
  ko: {
    close: "닫기",
    name: "이름",
    enter: "들어가기",
    again: "다시 들어가기",
    ended: "로그아웃되었습니다.",
    refused: "이 방을 열 수 없습니다.",
    badName: "쓸 수 없는 이름입니다. 다른 이름을 써 주세요.",
  },
};
