// A moment of joy when a paper is finished: scraps of paper come down, once. Who wants no motion sees none.

import { useEffect, useRef, useState } from "preact/hooks";

const SCRAPS = 48;
const LASTS_MS = 4200;

export function Joy() {
  const [over, setOver] = useState(false);
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    for (const scrap of ref.current?.children ?? []) {
      const { style } = scrap as HTMLElement;
      style.setProperty("--at", `${Math.random() * 100}%`);
      style.setProperty("--drift", `${(Math.random() - 0.5) * 30}vw`);
      style.setProperty("--turn", `${(Math.random() - 0.5) * 1440}deg`);
      style.setProperty("--wait", `${Math.random() * 900}ms`);
      style.setProperty("--fall", `${1900 + Math.random() * 1300}ms`);
    }
    const timer = setTimeout(() => setOver(true), LASTS_MS);
    return () => clearTimeout(timer);
  }, []);
  if (over) return null;
  return (
    <div ref={ref} class="joy" aria-hidden="true">
      {Array.from({ length: SCRAPS }, (_, number) => (
        <span key={number} data-hue={number % 8} />
      ))}
    </div>
  );
}
