/** Where the demo speaks: a picture redrawn in place on a terminal, plain lines elsewhere. */

export interface Canvas {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const escapes = /\u001b\[[0-9;]*m/y;
const fallbackColumns = 80;

/** At most `columns` visible characters; colours are no characters. */
export function clip(line: string, columns: number): string {
  let text = '';
  let seen = 0;
  for (let i = 0; i < line.length;) {
    escapes.lastIndex = i;
    const escape = escapes.exec(line)?.[0];
    if (escape !== undefined) {
      text += escape;
      i += escape.length;
    } else {
      if (seen++ < columns) text += line.charAt(i);
      i++;
    }
  }
  return text;
}

export class Screen {
  readonly draws: boolean;
  readonly #out: Canvas;
  #drawn = 0;
  #progress = '';

  constructor(out: Canvas, plain: boolean) {
    this.#out = out;
    this.draws = out.isTTY === true && !plain;
  }

  /** A line that stays. */
  say(line: string): void {
    this.#clearProgress();
    this.#out.write(`${line}\n`);
    this.#drawn = 0;
  }

  /** Replaces what was drawn before. Nothing without a terminal. */
  draw(lines: readonly string[]): void {
    if (!this.draws) return;
    this.#clearProgress();
    const columns = this.#out.columns ?? fallbackColumns;
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A\r` : '';
    const text = lines.map((line) => `${clip(line, columns - 1)}\u001b[K\n`).join('');
    this.#out.write(`${up}${text}\u001b[J`);
    this.#drawn = lines.length;
  }

  /** A line that the next one replaces. Nothing without a terminal. */
  progress(line: string): void {
    if (!this.draws || line === this.#progress) return;
    this.#out.write(`\r${line}\u001b[K`);
    this.#progress = line;
  }

  #clearProgress(): void {
    if (this.#progress === '') return;
    this.#out.write('\r\u001b[K');
    this.#progress = '';
  }
}
