/**
 * Judges one entry of the log against a lane's watermark: take it, drop it,
 * wait for what is missing, or put it away because no lane can have decided it. Pure.
 */

export interface Position {
  readonly epoch: number;
  /** -1 = nothing of this epoch yet. */
  readonly seq: number;
}

export interface EpochEnd {
  readonly epoch: number;
  /** Last position of the epoch; -1 = none; null = not ended. */
  readonly end: number | null;
  readonly endedBy: 'verifier' | 'recover' | null;
}

export type Verdict =
  | { readonly kind: 'take' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'gap' }
  | { readonly kind: 'quarantine'; readonly freeze: boolean; readonly reason: string };

/** True when (e, s) is above the other position. */
export const isAbove = (a: Position, b: Position): boolean =>
  a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq);

export function judge(entry: Position, watermark: Position, epochs: readonly EpochEnd[]): Verdict {
  const of = (epoch: number): EpochEnd | undefined => epochs.find((e) => e.epoch === epoch);
  const own = of(entry.epoch);
  const end = own?.end ?? null;
  if (end !== null && entry.seq > end) {
    const forgiven = epochs.some((e) => e.epoch >= entry.epoch && e.endedBy === 'recover');
    const reason = `beyond the end of epoch ${entry.epoch} (${end})`;
    return { kind: 'quarantine', freeze: !forgiven, reason };
  }
  if (!isAbove(entry, watermark)) return { kind: 'drop' };
  if (entry.epoch === watermark.epoch) {
    return entry.seq === watermark.seq + 1 ? { kind: 'take' } : { kind: 'gap' };
  }
  if (entry.seq !== 0 || of(watermark.epoch)?.end !== watermark.seq) return { kind: 'gap' };
  for (let epoch = watermark.epoch + 1; epoch < entry.epoch; epoch++) {
    if (of(epoch)?.end !== -1) return { kind: 'gap' };
  }
  return { kind: 'take' };
}
