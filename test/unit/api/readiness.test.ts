// Ready means that it can sell: helpers that are away degrade, they do not close.
import { describe, expect, it, vi } from 'vitest';
import { healthOf, watchHealth } from '../../../api/readiness.ts';
import { healthJson } from '../../../api/handlers/health.ts';
import { createLog } from '../../../platform/log.ts';

const well = { postgres: 'ok', redis: 'ok', kafka: 'ok', worker: 'ok', catalog: 'ok' } as const;

describe('healthOf', () => {
  it('is ok when all is', () => {
    expect(healthOf(well, true, [])).toEqual({
      status: 'ok',
      checks: { ...well, lanes: 'ok' },
      lanesNotReady: [],
    });
  });

  it.each(['postgres', 'kafka', 'worker', 'catalog'])('is degraded without %s', (name) => {
    const health = healthOf({ ...well, [name]: 'away' }, true, []);
    expect(health.status).toBe('degraded');
    expect(healthJson(health)).toMatchObject({ status: 'degraded', checks: { [name]: 'away' } });
  });

  it('is down with a lane closed, without Redis, or before Postgres was seen', () => {
    const frozen = [{ lane: 1, reason: 'frozen' }];
    expect(healthOf(well, true, frozen)).toMatchObject({
      status: 'down',
      checks: { lanes: 'closed' },
    });
    expect(healthOf({ ...well, redis: 'away' }, true, []).status).toBe('down');
    expect(healthOf({ ...well, postgres: 'away' }, false, []).status).toBe('down');
    expect(healthJson(healthOf(well, true, frozen))).toMatchObject({ status: 'unavailable' });
  });
});

describe('watchHealth', () => {
  function watched() {
    const away = new Set<string>();
    const probe = (name: string) => () =>
      away.has(name) ? Promise.reject(new Error('away')) : Promise.resolve();
    const engine = {
      lanesNotReady: () => (away.has('lanes') ? [{ lane: 0, reason: 'frozen' }] : []),
      probePostgres: probe('postgres'),
      probeRedis: probe('redis'),
    };
    const probes = { kafka: probe('kafka'), worker: probe('worker'), catalog: probe('catalog') };
    const log = createLog('test', 'silent');
    return { away, watch: watchHealth({ engine, probes, log, everyMs: 5 }) };
  }

  it('sees what goes and what comes back', async () => {
    const { away, watch } = watched();
    await watch.look();
    expect(watch.health().status).toBe('ok');
    away.add('kafka').add('postgres');
    await vi.waitFor(() => {
      expect(watch.health()).toMatchObject({
        status: 'degraded',
        checks: { kafka: 'away', postgres: 'away', worker: 'ok' },
      });
    });
    away.clear();
    await vi.waitFor(() => {
      expect(watch.health().status).toBe('ok');
    });
    watch.close();
  });

  it('looks at lanes when asked', async () => {
    const { away, watch } = watched();
    await watch.look();
    away.add('lanes');
    expect(watch.health()).toMatchObject({ status: 'down', lanesNotReady: [{ lane: 0 }] });
    watch.close();
  });

  it('is down until it has looked', () => {
    const { watch } = watched();
    expect(watch.health().status).toBe('down');
    watch.close();
  });
});
