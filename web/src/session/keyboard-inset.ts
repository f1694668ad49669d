// How much of the window a phone's keyboard covers, where the browser does not make the page smaller by itself (iOS).

export function followKeyboard(): void {
  const viewport = window.visualViewport;
  if (!viewport) return;
  let last = 0;
  const look = () => {
    // While somebody has zoomed in, the visible part is smaller for that reason.
    const covered =
      viewport.scale > 1.01 ? 0 : Math.max(0, Math.round(innerHeight - viewport.height - viewport.offsetTop));
    if (covered === last) return;
    last = covered;
    document.documentElement.style.setProperty("--keyboard-inset", `${covered}px`);
  };
  viewport.addEventListener("resize", look);
  viewport.addEventListener("scroll", look);
}
