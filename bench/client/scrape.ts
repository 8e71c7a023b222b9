/** A histogram and a gauge out of the text that Prometheus reads, over all their labels. */

const bucketPattern = /[{,]le="([^"]+)"/;

/** Cumulative counts by upper bound, sorted. */
export type Buckets = ReadonlyMap<number, number>;

export function bucketsOf(text: string, name: string): Buckets {
  const sums = new Map<number, number>();
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name}_bucket{`)) continue;
    const bound = bucketPattern.exec(line)?.[1];
    if (bound === undefined) continue;
    const at = bound === '+Inf' ? Infinity : Number(bound);
    sums.set(at, (sums.get(at) ?? 0) + valueOf(line));
  }
  return new Map([...sums].sort(([a], [b]) => a - b));
}

/** The sum of a gauge or counter; null when the text does not have it. */
export function sumOf(text: string, name: string): number | null {
  let sum: number | null = null;
  for (const line of text.split('\n')) {
    const next = line.charAt(name.length);
    if (line.startsWith(name) && (next === '{' || next === ' ')) sum = (sum ?? 0) + valueOf(line);
  }
  return sum;
}

/** What `share` of the values do not exceed, interpolated in its bucket; null without values. */
export function bucketQuantile(buckets: Buckets, share: number): number | null {
  const total = buckets.get(Infinity) ?? 0;
  if (total === 0) return null;
  let lower = 0;
  let below = 0;
  for (const [bound, count] of buckets) {
    if (count >= total * share) {
      if (bound === Infinity || count === below) return lower;
      return lower + ((bound - lower) * (total * share - below)) / (count - below);
    }
    lower = bound;
    below = count;
  }
  return lower;
}

function valueOf(line: string): number {
  const labelsEnd = line.lastIndexOf('}');
  const value = Number(line.slice(labelsEnd < 0 ? line.indexOf(' ') : labelsEnd + 1));
  return Number.isFinite(value) ? value : 0;
}
