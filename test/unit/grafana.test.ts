// The dashboard and the alerts speak only of metrics and labels that exist, and of all of them.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { collectProcessMetrics, metrics, metricsText } from '../../platform/metrics.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: unknown }[];
  };
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');
const dashboard = JSON.parse(read('grafana', 'dashboards', 'sale.json')) as Dashboard;
const alerts = read('grafana', 'alerts.yml');
const charts = dashboard.panels.filter((panel) => panel.type !== 'row');
const expressions = charts.flatMap((panel) => panel.targets?.map((target) => target.expr) ?? []);

/** Name of a series → the labels it may have. */
type Known = ReadonlyMap<string, ReadonlySet<string>>;

async function knownSeries(): Promise<Known> {
  collectProcessMetrics();
  const known = new Map<string, ReadonlySet<string>>();
  const own = new Map(
    Object.values(metrics).map((metric) => {
      const { name, labelNames } = metric as unknown as { name: string; labelNames: string[] };
      return [name, labelNames];
    }),
  );
  for (const [, name, type] of (await metricsText()).matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    if (name === undefined) continue;
    const labels = [...(own.get(name) ?? []), 'process'];
    if (type !== 'histogram') known.set(name, new Set(labels));
    else {
      known.set(`${name}_bucket`, new Set([...labels, 'le']));
      for (const part of ['sum', 'count']) known.set(`${name}_${part}`, new Set(labels));
    }
  }
  return known;
}

/** What an expression names that does not exist: `series` or `series{label}`. */
function unknownIn(expression: string, known: Known): string[] {
  const unknown: string[] = [];
  for (const [, name = '', matchers] of expression.matchAll(/\b(highnoon_\w+)(?:\{([^}]*)\})?/g)) {
    const labels = known.get(name);
    if (labels === undefined) unknown.push(name);
    for (const [, label = ''] of (matchers ?? '').matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)) {
      if (labels !== undefined && !labels.has(label)) unknown.push(`${name}{${label}}`);
    }
  }
  const [first = ''] = /highnoon_\w+/.exec(expression) ?? [];
  for (const [, list = ''] of expression.matchAll(/\bby \(([^)]*)\)/g)) {
    for (const label of list.split(',').map((text) => text.trim())) {
      if (known.get(first)?.has(label) === false) unknown.push(`by (${label})`);
    }
  }
  return unknown;
}

let known: Known;
beforeAll(async () => {
  known = await knownSeries();
});

describe('the dashboard', () => {
  it('is the one called sale', () => {
    expect([dashboard.uid, dashboard.title]).toEqual(['highnoon-sale', 'sale']);
  });

  it.each(charts.map((panel) => [panel.title, panel] as const))('explains %s', (title, panel) => {
    expect(title).not.toBe('');
    expect(panel.description ?? '').toMatch(/\S.*[.`]$/);
    expect(panel.fieldConfig?.defaults.unit ?? '').not.toBe('');
    expect(panel.targets?.length ?? 0).toBeGreaterThan(0);
    for (const { expr, legendFormat } of panel.targets ?? []) {
      expect(legendFormat).not.toBe('');
      expect(unknownIn(expr, known)).toEqual([]);
    }
  });

  it('shows every metric of ours', () => {
    const shown = expressions.join('\n');
    const names = Object.values(metrics).map(
      (metric) => (metric as unknown as { name: string }).name,
    );
    expect(names.filter((name) => !shown.includes(name))).toEqual([]);
  });

  it('has variables that exist', () => {
    const queries = dashboard.templating.list.map((one) => JSON.stringify(one.query));
    for (const query of queries) expect(unknownIn(query, known)).toEqual([]);
    const names = dashboard.templating.list.map((one) => one.name);
    for (const [, name = ''] of expressions.join('\n').matchAll(/\$(\w+)/g)) {
      if (!name.startsWith('__')) expect(names).toContain(name);
    }
  });

  it('names a route that the api has', () => {
    const handlers = readdirSync(join(root, 'api', 'handlers')).map((file) =>
      read('api', 'handlers', file),
    );
    for (const [, route = ''] of `${expressions.join('\n')}${alerts}`.matchAll(/route="(\w+)"/g)) {
      expect(handlers.some((text) => text.includes(`'${route}'`))).toBe(true);
    }
  });

  it('has panels with ids of their own that do not lie on each other', () => {
    expect(new Set(dashboard.panels.map((panel) => panel.id)).size).toBe(dashboard.panels.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)}:${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...dashboard.panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });
});

describe('the alerts', () => {
  it('speak of metrics that exist', () => {
    expect(unknownIn(alerts.replaceAll(/\bby \([^)]*\)/g, ''), known)).toEqual([]);
  });

  it('each say what it means and what to do', () => {
    const count = (pattern: RegExp): number => [...alerts.matchAll(pattern)].length;
    const rules = count(/- alert: /g);
    expect(rules).toBeGreaterThan(10);
    for (const part of [/severity: /g, /summary: /g, /action: /g]) expect(count(part)).toBe(rules);
  });

  it('take silence for trouble', () => {
    for (const gauge of ['in_doubt_age_seconds', 'lane_open', 'quarantined']) {
      expect(alerts).toContain(`absent(highnoon_${gauge})`);
    }
  });

  it('miss the doubt of a single lane', () => {
    expect(alerts.replaceAll(/\s+/g, ' ')).toContain(
      'max by (lane) (highnoon_lane_open) ' +
        'unless on (lane) max by (lane) (highnoon_in_doubt_age_seconds)',
    );
  });
});

describe('this test', () => {
  it.each([
    ['highnoon_nothing', ['highnoon_nothing']],
    ['rate(highnoon_batch_size[1m])', ['highnoon_batch_size']],
    ['highnoon_lane_open{shopper="x"}', ['highnoon_lane_open{shopper}']],
    ['sum by (shopper) (highnoon_lane_open)', ['by (shopper)']],
    ['sum by (lane) (highnoon_lane_open{lane=~"1",process="a"})', []],
  ])('finds what is wrong with %s', (expression, wrong) => {
    expect(unknownIn(expression, known)).toEqual(wrong);
  });
});
