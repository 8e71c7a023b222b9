/** The sale as a picture of a few lines, 80 columns wide: from what is known to text. Pure. */
import type { SaleStats } from './shop.ts';
import type { CrowdState, Tally } from './tally.ts';

export interface View {
  readonly shoppers: number;
  readonly units: number;
  /** Milliseconds to the bell; negative after it. */
  readonly toBellMs: number;
  readonly connections: number;
  readonly stats: SaleStats | null;
  readonly answersPerSecond: number;
  /** Answers in each of the last frames, oldest first. */
  readonly pulse: readonly number[];
  readonly tally: Tally;
  /** Null without a line. */
  readonly line: LineView | null;
}

export interface LineView {
  /** Shoppers that were told their number. */
  readonly numbered: number;
  readonly waiting: number;
  readonly serving: number;
  /** The units left surely reach this number. */
  readonly cutLine: number | null;
  /** Hex: the head of the chain of joins. */
  readonly chain: string;
}

type Paint = (text: string) => string;

/** Cells of a bar, and frames of the pulse. */
export const width = 64;
const reset = '\u001b[0m';
const paint =
  (code: string): Paint =>
  (text) =>
    text === '' ? '' : `\u001b[${code}m${text}${reset}`;
const bold = paint('1');
const dim = paint('2');
const green = paint('32');
const yellow = paint('33');
const red = paint('31');
const cyan = paint('36');

const noonMs = 12 * 3600 * 1000;
const whole = new Intl.NumberFormat('en-US');
export const number = (value: number): string => whole.format(Math.round(value));

export function milliseconds(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 100 ? `${number(ms)} ms` : `${ms.toFixed(1)} ms`;
}

/** The town's clock: the bell is at 12:00:00. */
export function clockText(toBellMs: number): string {
  return new Date(noonMs - toBellMs).toISOString().slice(11, 21);
}

interface Part {
  readonly count: number;
  readonly glyph: string;
  readonly paint: Paint;
  readonly name: string;
}

/** A bar of `width` cells; whatever is not nothing gets a cell, as long as there are any. */
export function bar(parts: readonly Part[], cells = width): string {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  let left = cells;
  let rest = total;
  let text = '';
  for (const { count, glyph, paint: color } of parts) {
    if (count <= 0) continue;
    const share = Math.min(left, Math.max(1, Math.round((left * count) / Math.max(rest, 1))));
    text += color(glyph.repeat(share));
    left -= share;
    rest -= count;
  }
  return text + ' '.repeat(left);
}

/** What the glyphs mean, and how many there are of each. */
function legend(parts: readonly Part[]): string {
  return parts
    .map(({ count, glyph, paint: color, name }) => `${color(glyph)} ${name} ${number(count)}`)
    .join('  ');
}

const levels = '▁▂▃▄▅▆▇█';

/** One glyph for each value, as high as its share of the highest. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(1, ...values);
  return values
    .map((value) => levels.charAt(Math.ceil((value / most) * (levels.length - 1))))
    .join('');
}

function crowdParts(tally: Tally): Part[] {
  const part = (state: CrowdState, name: string, glyph: string, color: Paint): Part => {
    return { count: tally.in(state), name, glyph, paint: color };
  };
  return [
    part('paid', 'paid', '█', green),
    part('holding', 'paying', '▓', yellow),
    part('let_go', 'let go', '▒', yellow),
    part('striking', 'asking', '»', red),
    part('hoping', 'hoping', '∘', cyan),
    part('in_line', 'in line', '┆', cyan),
    part('waiting', 'waiting', '•', bold),
    part('gone', 'gone', '·', dim),
  ];
}

function unitParts({ stats, units }: View): Part[] {
  const { available, held, sold } = stats ?? { available: units, held: 0, sold: 0 };
  return [
    { count: sold, name: 'sold', glyph: '█', paint: green },
    { count: held, name: 'held', glyph: '▓', paint: yellow },
    { count: available, name: 'available', glyph: '░', paint: dim },
  ];
}

const crowdRow = 4;

export function pictureOf(view: View): string[] {
  const { tally, toBellMs, stats } = view;
  const clock = clockText(toBellMs);
  const bell = toBellMs > 0 ? yellow(bold(clock)) : red(bold(`${clock}  HIGH NOON`));
  const { holdMs } = tally;
  const crowd = crowdParts(tally);
  const units = unitParts(view);
  const row = (name: string, text: string): string => `  ${name.padEnd(9)}${text}`;
  const refused = tally.refusals().map(([code, count]) => `${code} ${number(count)}`);
  return [
    '',
    `  ${bell}   ${bold('KUHL Laptop at half price')}: ${number(view.units)} units`,
    `  ${number(view.shoppers)} shoppers on ${number(view.connections)} connections`,
    '',
    row('crowd', bar(crowd)),
    row('', legend(crowd.slice(0, crowdRow))),
    row('', legend(crowd.slice(crowdRow))),
    row('units', bar(units)),
    row('', legend(units)),
    ...lineRows(view.line).map((text, i) => row(i === 0 ? 'line' : '', text)),
    row('answers', cyan(sparkline(view.pulse))),
    row(
      '',
      `${number(tally.answers)} (${number(view.answersPerSecond)}/s)   ` +
        `p50 ${milliseconds(holdMs.quantile(0.5))}   p99 ${milliseconds(holdMs.quantile(0.99))}`,
    ),
    row('refused', refused.length === 0 ? 'nobody' : refused.join('  ')),
    row('in doubt', `${number(stats?.in_doubt.count ?? 0)} decisions not yet in Postgres`),
    '',
  ];
}

/** Nothing where there is no line. */
function lineRows(line: LineView | null): string[] {
  if (line === null) return [];
  const { numbered, waiting, serving, cutLine, chain } = line;
  const cut = cutLine === null ? '' : `   cut line ${number(cutLine)}`;
  return [
    `numbers ${number(numbered)}   serving ${number(serving)}   waiting ${number(waiting)}${cut}`,
    dim(`chain ${chain.slice(0, 32)}`),
  ];
}

const columns = [10, 11, 7, 9, 6, 6, 8, 7, 6, 9, 9] as const;

function tableRow(cells: readonly string[]): string {
  return cells.map((cell, i) => cell.padStart(columns[i] ?? 0)).join(' ');
}

/** What the numbers of `lineOf` are. */
export const lineHead = tableRow([
  'clock',
  'connections',
  'waiting',
  'available',
  'held',
  'sold',
  'in doubt',
  'answers',
  '/s',
  'p50',
  'p99',
]);

/** The same on one line, without colours. */
export function lineOf(view: View): string {
  const { tally, stats, toBellMs } = view;
  const { available, held, sold } = stats ?? { available: view.units, held: 0, sold: 0 };
  const numbers = [available, held, sold, stats?.in_doubt.count ?? 0];
  const quantile = (share: number): string => {
    return tally.holdMs.count === 0 ? '-' : milliseconds(tally.holdMs.quantile(share));
  };
  return tableRow([
    clockText(toBellMs),
    number(view.connections),
    view.line === null ? '-' : number(view.line.waiting),
    ...[...numbers, tally.answers, view.answersPerSecond].map(number),
    quantile(0.5),
    quantile(0.99),
  ]);
}
