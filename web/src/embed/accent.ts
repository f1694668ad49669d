// A page may give its own accent; what is written on it must be readable. Colours are computed by the browser, and set through the CSSOM.

const OURS = ["rgb(31, 111, 84)", "rgb(111, 207, 166)"];

/** Return the relative luminance of a colour, `rgb(r, g, b)` (WCAG 2.x). */
function luminance(color: string): number {
  const [r = 0, g = 0, b = 0] = (color.match(/[\d.]+/g) ?? []).slice(0, 3).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Return black or white, whichever is easier to read on a colour. */
export function readableOn(color: string): "#000" | "#fff" {
  const on = luminance(color);
  return (on + 0.05) / 0.05 > 1.05 / (on + 0.05) ? "#000" : "#fff";
}

/** Set the colour of what is written on the element's accent, where the page has given an accent of its own. */
export function onAccent(element: HTMLElement, place: HTMLElement): void {
  element.style.removeProperty("--madang-on-accent");
  const probe = document.createElement("span");
  probe.className = "accent-probe";
  place.append(probe);
  const accent = getComputedStyle(probe).color;
  probe.remove();
  if (!OURS.includes(accent)) element.style.setProperty("--madang-on-accent", readableOn(accent));
}
