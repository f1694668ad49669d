// What the user has set for this device: how the page looks, reads and tells. Kept over reloads and shared by all tabs.

import { effect, type Signal, signal } from "../ui/signals";
import { type Language, language, languageFor, speak } from "../words";
import { hours24 } from "../words/format";
import { keep, load } from "./kept";

interface Prefs {
  language: Language | null;
  theme: "system" | "light" | "dark";
  density: "cosy" | "compact";
  hours24: boolean;
  enterSends: boolean;
  notify: boolean;
  sound: boolean;
  announce: "all" | "mentions" | "none";
}

export type Theme = Prefs["theme"];

const KEY = "madang.prefs";
const DEFAULTS: Prefs = {
  language: null,
  theme: "system",
  density: "cosy",
  hours24: false,
  enterSends: true,
  notify: false,
  sound: false,
  announce: "all",
};

export const prefs: Signal<Prefs> = signal({ ...DEFAULTS, ...load<Partial<Prefs>>(KEY, {}) });

export function setPref<K extends keyof Prefs>(name: K, value: Prefs[K]): void {
  prefs.value = { ...prefs.value, [name]: value };
  keep(KEY, prefs.value);
}

const wantedLanguage = () => prefs.value.language ?? languageFor(navigator.languages);

/** Make the page follow what is set, from now on. Resolves when there are words to show. */
export async function followPrefs(): Promise<void> {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const systemDark = signal(dark.matches);
  dark.addEventListener("change", () => {
    systemDark.value = dark.matches;
  });
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) prefs.value = { ...DEFAULTS, ...load<Partial<Prefs>>(KEY, {}) };
  });
  const root = document.documentElement;
  effect(() => {
    const { theme, density } = prefs.value;
    hours24.value = prefs.value.hours24;
    root.dataset.theme = theme === "system" ? (systemDark.value ? "dark" : "light") : theme;
    root.dataset.density = density;
  });
  await speak(wantedLanguage());
  effect(() => {
    const wanted = wantedLanguage();
    if (wanted !== language.peek()) void speak(wanted).catch(() => undefined); // offline: the present one stays
  });
}
