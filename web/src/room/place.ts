// Where something that opens at an element is put: below it, or above where there is no room. Styles are set through the CSSOM.

const GAP = 4;

export function place(box: HTMLElement, at: DOMRect): void {
  const { offsetWidth: width, offsetHeight: height } = box;
  const below = at.bottom + GAP;
  const top = below + height <= innerHeight - GAP ? below : Math.max(GAP, at.top - GAP - height);
  const left = Math.min(Math.max(GAP, at.right - width), innerWidth - width - GAP);
  box.style.setProperty("top", `${top}px`);
  box.style.setProperty("left", `${left}px`);
}
