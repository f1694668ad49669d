// What the page keeps in the browser. Where that is forbidden (a private window, a full disk) it forgets with the tab, without a word.

/** The browser's storage, or none where the page may not have one. */
export const storage: Storage | null = (() => {
  try {
    const probe = "madang.probe";
    localStorage.setItem(probe, "1");
    localStorage.removeItem(probe);
    return localStorage;
  } catch {
    return null;
  }
})();

export function load<T>(key: string, fallback: T): T {
  try {
    const text = storage?.getItem(key);
    return text == null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback; // what another version left, or somebody's hand
  }
}

export function keep(key: string, value: unknown): void {
  try {
    storage?.setItem(key, JSON.stringify(value));
  } catch {
    // It holds until the tab is closed.
  }
}
