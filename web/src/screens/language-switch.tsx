// The choice of language, each in its own words.

import { setPref } from "../session/prefs";
import { type Language, language, words } from "../words";

const LANGUAGES: [Language, string][] = [
  ["en", "English"],
  ["ko", "한국어"],
];

export function LanguageSwitch() {
  return (
    <fieldset class="switch" aria-label={words.value.language}>
      {LANGUAGES.map(([code, name]) => (
        <button
          key={code}
          type="button"
          lang={code}
          aria-pressed={language.value === code}
          onClick={() => setPref("language", code)}
        >
          {name}
        </button>
      ))}
    </fieldset>
  );
}
