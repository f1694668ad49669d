// What the node does now and did in the last 15 minutes: numbers, lines, and who is busy or slow.

import { number } from "../words/format";
import { Chart, type Line } from "./chart";
import { present, type Second, seconds } from "./live";
import { Region, Table } from "./table";
import { words } from "./words";

const MINUTE = 60;

export function Tiles() {
  const t = words.value.live;
  const now = seconds.value.at(-1);
  const errors = present.value?.errors ?? {};
  const lately = seconds.value.slice(-MINUTE).reduce((sum, s) => sum + s[4], 0);
  const tiles: [string, string, boolean?][] = [
    [t.connections, shown(now?.[1])],
    [t.messages, shown(now?.[2])],
    [t.deliveries, shown(now?.[3])],
    [t.delivery, times(now)],
    [t.waiting, shown(now?.[5])],
    [t.errors, number(Object.values(errors).reduce((sum, n) => sum + n, 0)), lately > 0],
  ];
  return (
    <dl class="tiles">
      {tiles.map(([name, value, bad]) => (
        <div key={name} class="tile" data-bad={bad || undefined}>
          <dt>{name}</dt>
          <dd class="number">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const shown = (n: number | undefined) => (n === undefined ? "–" : number(n));

/** The newest percentiles there are: in a second without messages there are none. */
function times(now: Second | undefined): string {
  const t = words.value.live;
  return now?.[6] == null || now[7] == null ? "–" : `${number(now[6])} / ${t.ms(number(now[7]))}`;
}

export function Lines() {
  const t = words.value.live;
  const now = seconds.value.at(-1);
  const charts: [string, string, Line[]][] = [
    [t.connections, shown(now?.[1]), [{ label: t.connections, colour: "--madang-hue-5", of: (s) => s[1] }]],
    [t.messages, shown(now?.[2]), [{ label: t.messages, colour: "--madang-accent", of: (s) => s[2] }]],
    [
      t.delivery,
      times(now),
      [
        { label: t.half, colour: "--madang-accent", of: (s) => s[6] },
        { label: t.most, colour: "--madang-unread", of: (s) => s[7] },
      ],
    ],
    [t.errors, shown(now?.[4]), [{ label: t.errors, colour: "--madang-danger", of: (s) => s[4] }]],
  ];
  return (
    <>
      {charts.map(([title, value, lines]) => (
        <Region key={title} title={title}>
          {lines.length > 1 && (
            <p class="hint keys">
              {lines.map((line, n) => (
                <span key={line.label} class="key" data-line={n}>
                  {line.label}
                </span>
              ))}
            </p>
          )}
          <Chart lines={lines} label={t.chart(title, value)} />
          {title === t.errors && <Errors />}
        </Region>
      ))}
    </>
  );
}

function Errors() {
  const t = words.value.live;
  const counted = Object.entries(present.value?.errors ?? {}).filter(([, n]) => n > 0);
  if (!counted.length) return null;
  return (
    <ul class="counts">
      {counted.map(([kind, n]) => (
        <li key={kind}>
          {t.kinds[kind as keyof typeof t.kinds] ?? kind} <span class="number">{number(n)}</span>
        </li>
      ))}
    </ul>
  );
}

export function Busy() {
  const { live: t, column } = words.value;
  const { rooms = [], slow = [], batches = [] } = present.value ?? {};
  return (
    <>
      <Region title={t.hottest}>
        <Table
          label={t.hottest}
          head={[column.room, column.title, column.events, column.sockets]}
          numbers={[2, 3]}
          keys={rooms.map((room) => room.id)}
          rows={rooms.map((room) => [
            room.id,
            <bdi key="t">{room.title}</bdi>,
            number(room.events),
            number(room.sockets),
          ])}
          empty={t.hottestNone}
        />
      </Region>
      <Region title={t.slow}>
        <Table
          label={t.slow}
          head={[column.name, column.room, column.behind, column.state]}
          numbers={[2]}
          keys={slow.map((one, n) => `${one.user} ${one.room} ${n}`)}
          rows={slow.map((one) => [
            <bdi key="n">{one.name}</bdi>,
            one.room,
            number(one.behind),
            one.full ? column.full : column.reading,
          ])}
          empty={t.slowNone}
        />
      </Region>
      <Region title={t.batches}>
        <Table
          label={t.batches}
          head={[column.size, column.count]}
          numbers={[1]}
          keys={batches.map(([size]) => size)}
          rows={batches.filter(([, n]) => n > 0).map(([size, n]) => [t.upto(size), number(n)])}
          empty={words.value.none}
        />
      </Region>
    </>
  );
}
