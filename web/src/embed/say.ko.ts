// What the widget says in Korean.

import { ko } from "../room/words.ko";
import type { Say } from "./say";

export const say: Say = {
  language: "ko",
  room: ko,
  close: "닫기",
  name: "이름",
  enter: "들어가기",
  again: "다시 들어가기",
  ended: "로그아웃되었습니다.",
  refused: "이 방을 열 수 없습니다.",
  badName: "쓸 수 없는 이름입니다. 다른 이름을 써 주세요.",
};
