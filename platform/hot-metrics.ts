/**
 * Counters and histograms for paths that run 50,000 times a second: a handle per label set, one
 * addition per event. prom-client hashes its labels on every call (about 0.4 µs); these do not.
 * They speak prom-client's registry interface, so they are scraped like all others.
 */

type Labels = Readonly<Record<string, string | number>>;

export interface MetricConfig {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

interface Sample {
  metricName: string;
  labels: Record<string, string | number>;
  value: number;
}

interface Scraped {
  name: string;
  help: string;
  type: 'counter' | 'histogram';
  values: Sample[];
  aggregator: 'sum';
}

/** Keeps what both kinds share: series found by their label values. */
abstract class HotMetric<Series> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly aggregator = 'sum' as const;
  protected readonly series = new Map<string, Series>();

  constructor(config: MetricConfig) {
    this.name = config.name;
    this.help = config.help;
    this.labelNames = config.labelNames;
  }

  /** The series of these label values, in the order of `labelNames`. Keep it: finding is slow. */
  labels(...values: readonly (string | number)[]): Series {
    const key = values.join('\u0000');
    let found = this.series.get(key);
    if (found === undefined) {
      if (values.length !== this.labelNames.length) throw new Error(`${this.name}: wrong labels`);
      const labels: Record<string, string | number> = {};
      this.labelNames.forEach((name, i) => (labels[name] = values[i] ?? ''));
      found = this.create(labels);
      this.series.set(key, found);
    }
    return found;
  }

  protected find(labels: Labels): Series {
    return this.labels(...this.labelNames.map((name) => labels[name] ?? ''));
  }

  remove(...values: readonly (string | number)[]): void {
    this.series.delete(values.join('\u0000'));
  }

  reset(): void {
    this.series.clear();
  }

  /** Called by the registry, under either name depending on the format. */
  getForPromString(): Promise<Scraped> {
    return this.get();
  }

  abstract get(): Promise<Scraped>;
  protected abstract create(labels: Record<string, string | number>): Series;
}

export class CounterSeries {
  readonly ofLabels: Record<string, string | number>;
  value = 0;

  constructor(labels: Record<string, string | number>) {
    this.ofLabels = labels;
  }

  inc(by = 1): void {
    this.value += by;
  }
}

export class HotCounter extends HotMetric<CounterSeries> {
  readonly type = 'counter' as const;

  inc(labels: Labels, by = 1): void {
    this.find(labels).value += by;
  }

  get(): Promise<Scraped> {
    const values = [...this.series.values()].map((series) => ({
      metricName: this.name,
      labels: series.ofLabels,
      value: series.value,
    }));
    const { name, help, type, aggregator } = this;
    return Promise.resolve({ name, help, type, aggregator, values });
  }

  protected create(labels: Record<string, string | number>): CounterSeries {
    return new CounterSeries(labels);
  }
}

export class HistogramSeries {
  readonly ofLabels: Record<string, string | number>;
  readonly bounds: readonly number[];
  /** One more than the bounds: the last counts what is above them all. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(labels: Record<string, string | number>, bounds: readonly number[]) {
    this.ofLabels = labels;
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let i = 0;
    while (i < bounds.length && value > (bounds[i] as number)) i += 1;
    counts[i] = (counts[i] as number) + 1;
    this.sum += value;
  }
}

export class HotHistogram extends HotMetric<HistogramSeries> {
  readonly type = 'histogram' as const;
  readonly buckets: readonly number[];

  constructor(config: MetricConfig & { readonly buckets: readonly number[] }) {
    super(config);
    this.buckets = config.buckets;
  }

  observe(labels: Labels, value: number): void {
    this.find(labels).observe(value);
  }

  get(): Promise<Scraped> {
    const values: Sample[] = [];
    for (const { ofLabels, counts, sum } of this.series.values()) {
      let total = 0;
      counts.forEach((count, i) => {
        total += count;
        const le = this.buckets[i] ?? '+Inf';
        values.push({
          metricName: `${this.name}_bucket`,
          labels: { ...ofLabels, le },
          value: total,
        });
      });
      values.push({ metricName: `${this.name}_sum`, labels: ofLabels, value: sum });
      values.push({ metricName: `${this.name}_count`, labels: ofLabels, value: total });
    }
    const { name, help, type, aggregator } = this;
    return Promise.resolve({ name, help, type, aggregator, values });
  }

  protected create(labels: Record<string, string | number>): HistogramSeries {
    return new HistogramSeries(labels, this.buckets);
  }
}
