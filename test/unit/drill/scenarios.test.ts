// The bars of the scenarios: each can fail.
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../drill/check.ts';
import { Replies } from '../../drill/scenarios/replies.ts';
import { judgeRows, type Row } from '../../drill/scenarios/rows.ts';

const row: Row = { fault: 'kill-api', commands: 20_000, untrue: 2, isBack: true };
const verdict: Verdict = { violations: [], lost: [], oversold: [], orders: 9, drainedMs: 1 };

function judged(rows: readonly Row[], found: Verdict = verdict) {
  const said: string[] = [];
  const holds = judgeRows(rows, found, (line) => said.push(line));
  return { holds, failed: said.filter((line) => line.startsWith('FAILS')).join('\n'), said };
}

describe('availability', () => {
  it('holds with 99.99 % true answers, itself again and nothing broken', () => {
    expect(judged([row, row])).toMatchObject({ holds: true, failed: '' });
  });

  it('does not with one untrue answer more, of all or of one fault', () => {
    const { holds, failed } = judged([row, { ...row, fault: 'kill-redis', untrue: 3 }]);
    expect(holds).toBe(false);
    expect(failed).toContain('99.987 % of 40000');
    expect(failed).toContain('kill-redis: 3 of 20000 did not');
    expect(judged([]).holds).toBe(false);
  });

  it('does not when it was not itself again', () => {
    const { holds, failed } = judged([row, { ...row, fault: 'kill-redis', isBack: false }]);
    expect(holds).toBe(false);
    expect(failed).toContain('not after 1: kill-redis');
  });

  it.each<[string, Partial<Verdict>]>([
    ['a broken promise', { violations: ['I6: an order is paid, which was refused'] }],
    ['a lost order', { lost: ['ord_1'] }],
    ['a unit that was sold twice', { oversold: ['unit 1'] }],
  ])('does not with %s', (_, found) => {
    const { holds, failed, said } = judged([row], { ...verdict, ...found });
    expect(holds).toBe(false);
    expect(failed).toContain('no promise broken: 1 of 9');
    expect(said.join()).toContain(found.violations?.[0] ?? '');
  });
});

describe('replies of a Redis that starts again', () => {
  it('are accepted, or say that it is away; others are odd', () => {
    const replies = new Replies();
    const said = [201, 503, 409, 500, 409].map((status) =>
      replies.count({ status, body: `b${status}` }),
    );
    expect(new Replies().oddOnes).toBe('none');
    expect(replies.count(null)).toBe(false);
    expect(said).toEqual([true, false, false, false, false]);
    expect(replies).toMatchObject({ accepted: 1, comeAgain: 2 });
    expect(replies.oddOnes).toBe('409 b409; 500 b500');
  });
});
