// The audit holds on a system at rest, whatever has happened in it, and for one sale of it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../../engine/audit/audit.ts';
import { checkNames } from '../../../engine/audit/findings.ts';
import { auditOf, makeHistory, wrongIn, type History } from './history.ts';

describe('the audit of a system at rest', () => {
  let history: History;

  beforeAll(async () => {
    history = await makeHistory();
  });

  afterAll(() => history.world.close());

  it('finds nothing wrong', async () => {
    const report = await auditOf(history.world);
    expect(wrongIn(report)).toEqual([]);
    expect(exitCodeOf(report)).toBe(0);
    expect(report.checks.map(({ name }) => name)).toEqual(checkNames);
  });
});
