// What the page loads to show a paper: this part, and the style that nobody needs before.

import styleUrl from "../style/paper.css?url";
import { PaperScreen } from "./PaperScreen";

let style: Promise<unknown> | undefined;

/** Return the screen, once its style is there. */
export async function load(): Promise<typeof PaperScreen> {
  style ??= new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = styleUrl;
    link.onload = resolve;
    link.onerror = () => {
      link.remove();
      style = undefined;
      reject(new Error(`${styleUrl} does not come`));
    };
    document.head.append(link);
  });
  await style;
  return PaperScreen;
}
