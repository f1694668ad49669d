// What the launcher says, and in which language an element speaks.

export const LAUNCHER = { en: "Open the chat", ko: "채팅 열기" };

/** Return the language of an element: its attribute, or that of the browser. */
export function languageOf(lang: string): "en" | "ko" {
  const wanted = [lang, document.documentElement.lang, ...navigator.languages];
  for (const tag of wanted) {
    const language = tag.toLowerCase().split(/[-_]/)[0];
    if (language === "ko" || language === "en") return language;
  }
  return "en";
}
