// A fault without evidence is not met, and an empty Redis that is served breaks the run.
import { describe, expect, it } from 'vitest';
import {
  cutAt,
  isMadeAnew,
  mustBeShut,
  mustHaveFailed,
  mustHaveTwoOwners,
  refusedTries,
  unsettled,
  wentBack,
} from '../../drill/faults/evidence.ts';
import { NotMet } from '../../drill/faults/fault.ts';

const told503 = { status: 0, code: '', unavailable: 1 };
const silence = { status: 0, code: '', unavailable: 0 };

describe('an empty Redis', () => {
  it('is shut while nobody gets more than a 503', () => {
    mustBeShut([told503, silence], []);
    expect(refusedTries([told503, silence])).toBe(1);
  });

  it.each([
    ['an accepted hold', [{ status: 201, code: '', unavailable: 0 }], []],
    ['a refusal that a lane decided', [{ status: 409, code: 'sold_out', unavailable: 0 }], []],
    ['a marker that came by itself', [told503], ['{lane:0}:marker']],
  ])('is not with %s', (_, tries, markers) => {
    expect(() => {
      mustBeShut(tries, markers);
    }).toThrow('an empty Redis');
  });
});

describe('errors of Redis', () => {
  const before = 'errorstat_ERR:count=2\r\nerrorstat_NOSCRIPT:count=16\r\n';

  it('are seen when there are more of them', () => {
    mustHaveFailed(before, before.replace('16', '17'), 'NOSCRIPT');
    mustHaveFailed('', 'errorstat_OOM:count=1\r\n', 'OOM');
  });

  it('are no evidence when they are old, or others', () => {
    for (const after of [before, before.replace('count=2', 'count=3')]) {
      expect(() => {
        mustHaveFailed(before, after, 'NOSCRIPT');
      }).toThrow(NotMet);
    }
  });
});

describe('messages that are deleted', () => {
  const offsets = (...of: number[]): Map<number, number> => new Map(of.entries());

  it('count while nobody can have settled them', () => {
    expect(unsettled(offsets(7, 3), offsets(8, 3), offsets(10, 3))).toBe(2);
    expect(unsettled(offsets(10), offsets(8), offsets(10))).toBe(0);
    expect(unsettled(offsets(5), offsets(10), offsets(10))).toBe(0);
    expect(unsettled(offsets(), offsets(), offsets(4))).toBe(4);
  });

  it('leave a topic that ends earlier, or is not there', () => {
    expect(isMadeAnew(offsets(0, 9), offsets(0, 2))).toBe(true);
    expect(isMadeAnew(offsets(9), offsets())).toBe(true);
    expect(isMadeAnew(offsets(0, 9), offsets(1, 9))).toBe(false);
  });
});

describe('a disk that lost something', () => {
  const heads = (...of: string[]): Map<string, string> =>
    new Map(of.map((id, lane) => [`{lane:${lane}}:outbox`, id]));

  it.each([
    [heads('3-17', '3-8'), '{lane:1}:outbox 3-9, then 3-8'],
    [heads('3-17'), '{lane:1}:outbox 3-9, then nothing'],
    [heads('2-40', '4-0'), '{lane:0}:outbox 3-17, then 2-40'],
  ])('has outboxes that end earlier: %o', (after, sign) => {
    expect(wentBack(heads('3-17', '3-9'), after)).toBe(sign);
  });

  it('has lost no decision when they end where they did, or later', () => {
    for (const after of [heads('3-17', '3-9'), heads('3-18', '4-0')]) {
      expect(() => wentBack(heads('3-17', '3-9'), after)).toThrow(NotMet);
    }
  });

  it('is cut within its last entry, however short or long it is', () => {
    const file = Buffer.from('MULTI XADD a EXEC MULTI XADD bbbb EXEC SET lease');
    const last = file.lastIndexOf('XADD');
    expect(cutAt(file, 3)).toBe(last + 2);
    expect(cutAt(file, file.length - 5)).toBe(5);
    expect(cutAt(file, 1000)).toBe(0);
    expect(() => cutAt(Buffer.from('SET lease'), 3)).toThrow(NotMet);
  });
});

describe('two owners', () => {
  const seen = (reaper: readonly string[]): Map<string, Set<string>> =>
    new Map([
      ['{lane:0}:lease:relay', new Set(['a', 'b'])],
      ['{lane:0}:lease:reaper', new Set(reaper)],
      ['{lane:1}:lease:relay', new Set(['a'])],
    ]);

  it('have each loop in some lane', () => {
    mustHaveTwoOwners(seen(['a', 'b']));
  });

  it.each([
    ['one loop had one owner', seen(['a']), 'one owner only: reaper'],
    ['there was no lease', new Map(), 'nobody took a lease'],
  ])('are not met when %s', (_, leases, says) => {
    expect(() => {
      mustHaveTwoOwners(leases);
    }).toThrow(new NotMet(says));
  });
});
