// The icons that the page has from the start, and the widget has not.

import { addIcons } from "./icon";

const page = {
  archive: "M3.5 4h13v3.5h-13zM5 7.5V16h10V7.5M8.5 10.5h3",
  back: "M12 4l-6 6 6 6",
  bellOff: "M5 13.5V9q0-1 .4-1.9M8 4.4A5 5 0 0 1 15 9v3M15 15H3.5L5 13.5M8.5 17.5h3M3 3l14 14",
  findRoom: "M3.5 5h13M3.5 10h5M3.5 15h5M13.5 8.75a2.75 2.75 0 1 0 0 5.5 2.75 2.75 0 1 0 0-5.5M15.5 13.5l2 2",
  flag: "M5 17V3.5h10l-2 3.5 2 3.5H5",
  hash: "M4.5 7.5h12M3.5 12.5h12M8.5 3.5l-2 13M13.5 3.5l-2 13",
  invite: "M8.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6M3 16.5c0-3 2.5-4.7 5.5-4.7 1 0 1.9.2 2.7.5M15 11.5v5M12.5 14h5",
  key: "M7 13.5a3.5 3.5 0 1 0-3.5-3.5A3.5 3.5 0 0 0 7 13.5M10.5 10H17v3M14 10v2.5",
  lock: "M5 9.5h10v7H5zM7 9.5V7a3 3 0 0 1 6 0v2.5",
  message: "M3.5 4.5h13v9h-7l-3.5 3v-3H3.5z",
  more: "M5 10v.01M10 10v.01M15 10v.01",
  people:
    "M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6M2 16.5c0-3 2.4-4.7 5.5-4.7s5.5 1.7 5.5 4.7M13 3.8a3 3 0 0 1 0 5.4M15 12.3c1.9.6 3 2.1 3 4.2",
  pin: "M7 3.5h6M8 3.5V8l-2.5 3.5h9L12 8V3.5M10 11.5V17",
  search: "M9 3.75a5.25 5.25 0 1 0 0 10.5 5.25 5.25 0 1 0 0-10.5M13 13l3.75 3.75",
  settings: "M3.5 6h5M12.5 6h4M3.5 14h2M9.5 14h7M10.5 4v4M7.5 12v4",
} as const;

export type PageIconName = keyof typeof page;

addIcons(page);
