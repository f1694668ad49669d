// Lines over 15 minutes, by uPlot. For those who do not see them, a sentence says what they show now.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { prefs } from "../session/prefs";
import { effect } from "../ui/signals";
import { language } from "../words";
import { type Second, seconds } from "./live";

export interface Line {
  label: string;
  /** A custom property of the design. */
  colour: string;
  of: (second: Second) => number | null;
}

const HEIGHT = 140;
const KEPT_S = 15 * 60;
const WHOLE = [1, 2, 5].flatMap((n) => [...Array(8).keys()].map((power) => n * 10 ** power)).sort((a, b) => a - b);

export function Chart({ lines, label }: { lines: Line[]; label: string }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const seen = () => [seconds.value.map((s) => s[0]), ...lines.map((line) => seconds.value.map(line.of))];

  // Colours and words are drawn, not styled: a change of either draws it again.
  const look = `${prefs.value.theme} ${language.value} ${matchMedia("(prefers-color-scheme: dark)").matches}`;
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => resolved(box, style.getPropertyValue(name));
    const text = colour("--madang-text-2");
    const grid = { stroke: colour("--madang-line"), width: 1 };
    const axis = { stroke: text, grid, ticks: grid, font: `12px ${style.fontFamily}` };
    const clock = new Intl.DateTimeFormat(language.value, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    const chart = new uPlot(
      {
        width: box.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        series: [
          {},
          ...lines.map((line) => ({
            label: line.label,
            stroke: colour(line.colour),
            width: 1.5,
            points: { show: false },
          })),
        ],
        axes: [
          { ...axis, values: (_, times) => times.map((time) => clock.format(time * 1000)), space: 64, size: 28 },
          { ...axis, size: 48, space: 32, incrs: WHOLE },
        ],
        scales: {
          x: { range: (_, __, last) => [last - KEPT_S, last] },
          y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] },
        },
      },
      seen() as uPlot.AlignedData,
      box,
    );
    plot.current = chart;
    const watch = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height: HEIGHT }));
    watch.observe(box);
    return () => {
      watch.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [look]);
  useEffect(() => effect(() => plot.current?.setData(seen() as uPlot.AlignedData)), [look]);
  return <div ref={place} class="chart" role="img" aria-label={label} />;
}

/** A canvas knows no light-dark(): let the element say what it comes to. */
function resolved(box: HTMLElement, value: string): string {
  box.style.setProperty("color", value);
  const colour = getComputedStyle(box).color;
  box.style.removeProperty("color");
  return colour;
}
