/** One line on a terminal that says how far a command has come; nothing where no terminal is. */
export interface ProgressLine {
  show(text: string): void;
  clear(): void;
}

export function progressLine(out: NodeJS.WriteStream = process.stderr): ProgressLine {
  if (!out.isTTY) return { show: () => undefined, clear: () => undefined };
  return {
    show: (text) => void out.write(`\r\x1b[K${text}`),
    clear: () => void out.write('\r\x1b[K'),
  };
}
