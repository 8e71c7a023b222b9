/** A list on stdout as one JSON document: an array, one of its values a line, as they come. */
export interface JsonRows {
  row(value: unknown): void;
  /** Without it the document is cut: the command has failed. */
  end(): void;
}

/** With nothing in it the document is `[]`. */
export function jsonRows(out: Pick<NodeJS.WriteStream, 'write'> = process.stdout): JsonRows {
  let rows = 0;
  return {
    row(value) {
      out.write(`${rows === 0 ? '[' : ','}\n${JSON.stringify(value)}`);
      rows += 1;
    },
    end() {
      out.write(rows === 0 ? '[]\n' : '\n]\n');
    },
  };
}
