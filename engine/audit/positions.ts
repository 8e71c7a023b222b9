/** Places in a lane's log: epoch and sequence, dense within an epoch that ends where Postgres says. */

export interface Position {
  readonly epoch: number;
  /** -1 = nothing of this epoch yet. */
  readonly seq: number;
}

/** Last position of each epoch; null = it has not ended; -1 = it is empty. */
export type EpochEnds = ReadonlyMap<number, number | null>;

/** Positions `first` to `last` of one epoch. */
export interface Span {
  readonly epoch: number;
  readonly first: number;
  readonly last: number;
}

/** Below zero when a comes before b. */
export const compare = (a: Position, b: Position): number =>
  a.epoch === b.epoch ? a.seq - b.seq : a.epoch - b.epoch;

export const nameOf = ({ epoch, seq }: Position): string => `${epoch}-${seq}`;

export const spanName = ({ epoch, first, last }: Span): string =>
  first === last ? `${epoch}-${first}` : `${epoch}-${first}…${epoch}-${last}`;

/** `epoch-sequence` as Redis writes a stream's ids. */
export function readPosition(id: string): Position {
  const [, epoch, seq] = /^(\d{1,15})-(\d{1,15})$/.exec(id) ?? [];
  if (epoch === undefined || seq === undefined) throw new Error(`${id} is no position`);
  return { epoch: Number(epoch), seq: Number(seq) };
}

/** Every position above `from` up to `to`, epoch by epoch. */
export function spansBetween(from: Position, to: Position, ends: EpochEnds): Span[] {
  const spans: Span[] = [];
  for (let epoch = from.epoch; epoch <= to.epoch; epoch++) {
    const first = epoch === from.epoch ? from.seq + 1 : 0;
    const last = epoch === to.epoch ? to.seq : (ends.get(epoch) ?? -1);
    if (last >= first) spans.push({ epoch, first, last });
  }
  return spans;
}

export const countOf = (spans: readonly Span[]): number =>
  spans.reduce((sum, { first, last }) => sum + last - first + 1, 0);
