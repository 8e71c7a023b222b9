/** The sale as a picture of a few lines: from what is known to text. Pure. */
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
  readonly tally: Tally;
}

type Paint = (text: string) => string;

const width = 62;
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

function crowdParts(tally: Tally): Part[] {
  const part = (states: readonly CrowdState[], glyph: string, color: Paint): Part => ({
    count: states.reduce((sum, state) => sum + tally.in(state), 0),
    glyph,
    paint: color,
  });
  return [
    part(['paid'], '█', green),
    part(['holding'], '▓', yellow),
    part(['let_go'], '▒', yellow),
    part(['striking'], '»', red),
    part(['hoping'], '∘', cyan),
    part(['waiting'], '•', bold),
    part(['gone'], '·', dim),
  ];
}

function crowdLegend(tally: Tally): string {
  const count = (state: CrowdState) => number(tally.in(state));
  return (
    `${green('█')} paid ${count('paid')}  ${yellow('▓')} paying ${count('holding')}  ` +
    `${yellow('▒')} let go ${count('let_go')}  ${red('»')} asking ${count('striking')}  ` +
    `${cyan('∘')} hoping ${count('hoping')}  • waiting ${count('waiting')}  ` +
    `${dim('·')} gone ${count('gone')}`
  );
}

function unitLines({ stats, units }: View): string[] {
  const { available, held, sold } = stats ?? { available: units, held: 0, sold: 0 };
  const parts = [
    { count: sold, glyph: '█', paint: green },
    { count: held, glyph: '▓', paint: yellow },
    { count: available, glyph: '░', paint: dim },
  ];
  return [
    `units    ${bar(parts)}`,
    `         ${green('█')} sold ${number(sold)}  ${yellow('▓')} held ${number(held)}  ` +
      `${dim('░')} available ${number(available)}`,
  ];
}

export function pictureOf(view: View): string[] {
  const { tally, toBellMs, stats } = view;
  const clock = clockText(toBellMs);
  const bell = toBellMs > 0 ? yellow(bold(clock)) : red(bold(`${clock}  HIGH NOON`));
  const { holdMs } = tally;
  const refusals = tally.refusals().map(([code, count]) => `${code} ${number(count)}`);
  return [
    '',
    `  ${bell}   KUHL Laptop at half price: ${number(view.units)} units, ` +
      `${number(view.shoppers)} shoppers, ${number(view.connections)} connections`,
    '',
    `  crowd    ${bar(crowdParts(tally))}`,
    `           ${crowdLegend(tally)}`,
    ...unitLines(view).map((line) => `  ${line}`),
    `  answers  ${number(tally.answers)} (${number(view.answersPerSecond)}/s)   ` +
      `p50 ${milliseconds(holdMs.quantile(0.5))}   p99 ${milliseconds(holdMs.quantile(0.99))}`,
    `  refused  ${refusals.length === 0 ? 'nobody' : refusals.join(', ')}`,
    `  in doubt ${number(stats?.in_doubt.count ?? 0)} decisions not yet in Postgres`,
    '',
  ];
}

/** The same on one line, without colours. */
export function lineOf(view: View): string {
  const { tally, stats, toBellMs } = view;
  const { available, held, sold } = stats ?? { available: view.units, held: 0, sold: 0 };
  const refusals = tally.refusals().map(([code, count]) => `${code} ${count}`);
  return (
    `${clockText(toBellMs)}  available ${available}  held ${held}  sold ${sold}  ` +
    `answers ${tally.answers} (${Math.round(view.answersPerSecond)}/s)  ` +
    `p50 ${milliseconds(tally.holdMs.quantile(0.5))}  ` +
    `p99 ${milliseconds(tally.holdMs.quantile(0.99))}  in doubt ${stats?.in_doubt.count ?? 0}  ` +
    `connections ${view.connections}  refused: ${refusals.length === 0 ? 'nobody' : refusals.join(', ')}`
  );
}
