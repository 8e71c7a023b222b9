// Every check is made to fail, in each way that it claims to see, and nothing else fails with it.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../../engine/audit/audit.ts';
import { checkNames } from '../../../engine/audit/findings.ts';
import { reportOf, wrongIn } from '../../support/audit.ts';
import { Broken, type Break } from './break.ts';
import { laneBreaks } from './breaks-lane.ts';
import { lineBreaks } from './breaks-line.ts';
import { logBreaks } from './breaks-log.ts';
import { postgresBreaks } from './breaks-postgres.ts';
import { failedIn, makeHistory, type History } from './history.ts';
import { copyStores, type StoreCopy } from './store-copy.ts';

const breaks: readonly Break[] = [...laneBreaks, ...logBreaks, ...postgresBreaks, ...lineBreaks];

describe('the audit', () => {
  let history: History;
  let copy: StoreCopy;

  beforeAll(async () => {
    history = await makeHistory({ lanes: 1 });
    copy = await copyStores(history.world);
  });

  afterEach(() => copy.restore());
  afterAll(() => history.world.close());

  it('has a test that makes each of its checks fail', () => {
    const broken = new Set(breaks.map(({ check }) => check));
    expect(checkNames.filter((name) => !broken.has(name))).toEqual([]);
  });

  it.each(breaks)('sees by $check that $what', async ({ check, also = [], says, how }) => {
    const broken = new Broken(history);
    await how(broken);
    const report = await reportOf(history.world, { topic: broken.topic });
    const wrong = wrongIn(report);
    expect(failedIn(report).toSorted(), wrong.join('\n')).toEqual([check, ...also].toSorted());
    const own = wrong.filter((line) => line.startsWith(`${check} `));
    expect(own.join('\n')).toMatch(says);
    expect(exitCodeOf(report)).toBe(1);
  });

  it('holds again once everything is put back', async () => {
    expect(wrongIn(await reportOf(history.world))).toEqual([]);
  });
});
