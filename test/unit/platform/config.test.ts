/** Configuration: what is refused, and with what words. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig, processNameOf, projectRoot } from '../../../platform/config.ts';
import type { Environment, NeededVariable } from '../../../platform/config.ts';

function problemsOf(env: Environment, needs: NeededVariable[] = []): Record<string, string> {
  try {
    loadConfig(env, needs);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return Object.fromEntries(error.problems.map(({ name, message }) => [name, message]));
  }
  return {};
}

describe('the configuration', () => {
  it('has a default for everything but the stores', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      port: 3000,
      catalogPort: 3001,
      opsPort: 9464,
      host: '127.0.0.1',
      lanes: 2,
      rateLimits: 'loopback-exempt',
      nodeEnv: 'development',
      currency: 'USD',
      redisUrl: '',
      databaseUrl: '',
      kafkaBrokers: [],
      catalogUrl: 'http://127.0.0.1:3001',
      opsPeers: [],
    });
    expect(config.highnoonDir).toBe(join(projectRoot(), '.highnoon'));
  });

  it('reads lists and urls', () => {
    const config = loadConfig({
      KAFKA_BROKERS: '10.0.0.1:9092,10.0.0.2:9092',
      OPS_PEERS: 'worker=http://127.0.0.1:9466',
      ROLES: 'api,worker',
    });
    expect(config.kafkaBrokers).toEqual(['10.0.0.1:9092', '10.0.0.2:9092']);
    expect(config.opsPeers).toEqual([{ process: 'worker', url: 'http://127.0.0.1:9466' }]);
    expect(config.roles).toEqual(['api', 'worker']);
  });

  it('lists every wrong variable by its name', () => {
    const env = { PORT: '70000', LANES: '0', RATE_LIMITS: 'maybe', KAFKA_BROKERS: 'x' };
    const problems = problemsOf(env);
    expect(Object.keys(problems).sort()).toEqual(['KAFKA_BROKERS', 'LANES', 'PORT', 'RATE_LIMITS']);
    expect(problems['PORT']).toMatch(/70000/);
    expect(() => loadConfig(env)).toThrow(/PORT: .*\n.*LANES: /s);
  });

  it.each(['1.5', '-1', 'abc', '1e3', ' 1', '0x10', '65536'])('refuses PORT=%s', (port) => {
    expect(problemsOf({ PORT: port })).toHaveProperty('PORT');
  });

  it('asks for the stores that a process needs', () => {
    const problems = problemsOf({ REDIS_URL: '' }, ['REDIS_URL', 'DATABASE_URL']);
    expect(Object.keys(problems)).toEqual(['REDIS_URL', 'DATABASE_URL']);
    expect(problemsOf({ REDIS_URL: 'redis://127.0.0.1:6379' }, ['REDIS_URL'])).toEqual({});
  });

  it('does not say a password back', () => {
    const problems = problemsOf({ DATABASE_URL: 'mysql://root:hunter2@db/x' });
    expect(problems['DATABASE_URL']).not.toContain('hunter2');
  });

  it('leaves foreign variables alone', () => {
    expect(problemsOf({ HIGHNOON_WHATEVER: 'x', HOME: '/root' })).toEqual({});
  });

  it('names a process by its role, unless it was given a name', () => {
    expect(processNameOf('worker', {})).toBe('worker');
    expect(processNameOf('worker', { HIGHNOON_PROCESS: '' })).toBe('worker');
    expect(processNameOf('worker', { HIGHNOON_PROCESS: 'worker-2' })).toBe('worker-2');
  });

  it('knows the folder of package.json', () => {
    expect(existsSync(join(projectRoot(), 'package.json'))).toBe(true);
  });
});
