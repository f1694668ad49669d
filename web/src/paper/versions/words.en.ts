// What versions of papers say, in English.

export const versionsEn = {
  none: "There are no versions yet.",
  hint: "A version keeps how the paper is now. You can look at it and go back to it at any time.",
  name: "Name of this version",
  keep: "Keep this version",
  kept: "The version is kept.",
  finish: "When it was finished",
  restore: "Before going back",
  list: "Kept versions",
  line: (who: string, at: string) => (who ? `${who} · ${at}` : at),
  loading: "Loading …",
  empty: "Nothing was written in it yet.",
  back: "All versions",
  goBack: "Go back to this version",
  gone: "The paper is as it was then. What it was before is kept as a version.",
  same: "The paper is just like this version.",
  reopenFirst: "Open the paper again to go back to a version.",
  delete: "Delete version",
  deleteTitle: (name: string) => `Delete the version “${name}”?`,
  deleteBody: "The paper itself stays as it is.",
  deleteAction: "Delete",
};

export type VersionsWords = typeof versionsEn;
