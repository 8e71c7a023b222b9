/** The containers: what docker-compose.yml says must be what the programs and Prometheus expect. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readEnv, roleNames, variables } from '../../stack/env.mjs';
import { nodeFlags } from '../../stack/run/roles.mjs';
import { root } from './docs/pages.ts';

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly unknown[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

interface Scrapes {
  readonly scrape_configs: readonly {
    readonly job_name: string;
    readonly static_configs: readonly { readonly targets: readonly string[] }[];
  }[];
}

const read = (path: string): unknown =>
  parse(readFileSync(join(root, path), 'utf8'), { merge: true });
const { services, volumes } = read('docker-compose.yml') as Compose;
const names = Object.keys(services);
const ours = Object.entries(services).filter(([, { image }]) => image === 'highnoon');

/** `${NAME:-default}` as Compose fills it in when nothing is set. */
const filled = (value: string | number): string =>
  String(value).replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');

describe('docker-compose.yml', () => {
  it('has every role, every store, set-up, Prometheus and Grafana', () => {
    const stores = ['redis', 'kafka', 'postgres'];
    const all = [...roleNames, ...stores, 'setup', 'prometheus', 'grafana'];
    expect([...names].sort()).toEqual([...all].sort());
  });

  it.each(ours)('tells %s only variables that there are, with values they may have', (_, one) => {
    const env = Object.entries(one.environment ?? {}).map(([name, value]) => [name, filled(value)]);
    const known = new Set(variables.map(({ name }) => name));
    expect(env.filter(([name = '']) => !known.has(name))).toEqual([]);
    const given = Object.fromEntries(env) as Record<string, string>;
    expect(readEnv(given).problems).toEqual([]);
  });

  it.each(ours)('starts a program that is built from a source for %s', (_, { command = [] }) => {
    const [node, ...args] = command;
    const file = args.at(-1) ?? '';
    expect(node).toBe('node');
    const source = file.replace(/^dist\//, '').replace(/\.js$/, '.ts');
    expect(existsSync(join(root, source)), file).toBe(true);
  });

  it.each(roleNames)('gives %s the flags that it has everywhere', (role) => {
    expect(services[role]?.command?.slice(1, -1)).toEqual(nodeFlags(role));
  });

  it.each(names.filter((name) => name !== 'setup'))('checks the health of %s by words', (name) => {
    const test = services[name]?.healthcheck?.test ?? [];
    expect(test.length).toBeGreaterThan(1);
    // An unquoted colon makes a map of what looks like a command.
    for (const word of test) expect(typeof word, JSON.stringify(word)).toBe('string');
  });

  it('waits only for services that there are, and for health where there is a check', () => {
    for (const { depends_on = {} } of Object.values(services)) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        const wanted = services[name]?.healthcheck ? 'healthy' : 'completed_successfully';
        expect(condition, name).toBe(`service_${wanted}`);
      }
    }
  });

  it('mounts volumes that are declared and folders that are there', () => {
    for (const { volumes: mounts = [] } of Object.values(services)) {
      for (const mount of mounts) {
        const [from = ''] = mount.split(':');
        expect(from.startsWith('.') ? existsSync(join(root, from)) : from in volumes, mount).toBe(
          true,
        );
      }
    }
  });

  it('opens ports to this machine only, Grafana on 3030', () => {
    const ports = Object.values(services).flatMap(({ ports: opened = [] }) => opened);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    expect(services['grafana']?.ports).toEqual(['127.0.0.1:3030:3000']);
  });

  it('says how large the log of Postgres may be, which initdb would set by its segments', () => {
    const { command, environment } = services['postgres'] ?? {};
    expect(environment?.['POSTGRES_INITDB_ARGS']).toContain('--wal-segsize=1');
    expect(command).toEqual(expect.arrayContaining(['max_wal_size=1GB', 'min_wal_size=80MB']));
  });

  it('has Prometheus scrape each role where it answers', () => {
    const { scrape_configs: scrapes } = read('grafana/prometheus.yml') as Scrapes;
    const targets = scrapes.flatMap((job) => job.static_configs.flatMap((one) => one.targets));
    const answers = roleNames.map((name) => `${name}:${services[name]?.environment?.['OPS_PORT']}`);
    expect([...targets].sort()).toEqual([...answers].sort());
  });
});
