// What versions of papers say, in Korean.

import type { VersionsWords } from "./words.en";

export const versionsKo: VersionsWords = {
  none: "아직 보관한 버전이 없습니다.",
  hint: "버전은 지금의 페이퍼를 그대로 보관합니다. 언제든 다시 보고 그때로 되돌릴 수 있습니다.",
  name: "버전 이름",
  keep: "지금 버전 보관",
  kept: "버전을 보관했습니다.",
  finish: "완성했을 때",
  restore: "되돌리기 직전",
  list: "보관한 버전",
  line: (who, at) => (who ? `${who} · ${at}` : at),
  loading: "불러오는 중 …",
  empty: "아직 아무것도 쓰지 않은 때입니다.",
  back: "모든 버전",
  goBack: "이 버전으로 되돌리기",
  gone: "그때의 페이퍼로 되돌렸습니다. 되돌리기 직전 상태도 버전으로 보관했습니다.",
  same: "지금 페이퍼가 이 버전과 같습니다.",
  reopenFirst: "버전으로 되돌리려면 먼저 페이퍼를 다시 열어 주세요.",
  delete: "버전 삭제",
  deleteTitle: (name) => `“${name}” 버전을 삭제할까요?`,
  deleteBody: "지금 페이퍼는 그대로 남습니다.",
  deleteAction: "삭제",
};
