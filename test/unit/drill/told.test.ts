// What `recover` says of a loss is held against what was lost.
import { describe, expect, it } from 'vitest';
import { orderIdOf, saleIdOf } from '../../../engine/domain/ids.ts';
import { concealed, lostAtLeast, overstated, readTold, type Told } from '../../drill/told.ts';

const idIn = (lane: number): string => orderIdOf(saleIdOf(lane, Buffer.alloc(8)), '1'.repeat(24));
const lane = (n: number, found: string, least: number): Told => ({
  ...{ lane: n, found, lostAtLeast: least },
});

describe('what recover says', () => {
  it('is read from its document', () => {
    const lanes = [lane(0, 'older', 3), lane(1, 'whole', 0)];
    const out = JSON.stringify({ lanes: lanes.map((one) => ({ ...one, epoch: 4, frozen: '' })) });
    expect(readTold(out)).toEqual(lanes);
    expect(lostAtLeast(readTold(out))).toBe(3);
  });

  it.each(['{}', '{"lanes":[]}', '{"lanes":[{"lane":0,"found":"whole"}]}', ''])(
    'has to be there: %s',
    (out) => {
      expect(() => readTold(out)).toThrow();
    },
  );

  it('is no more than only Redis had of that lane', () => {
    const told = [lane(0, 'older', 3), lane(1, 'nothing', 2), lane(2, 'whole', 0)];
    const had = (a: number, b: number) => ({
      entries: new Map([
        [0, a],
        [1, b],
      ]),
    });
    expect(overstated(told, had(3, 2))).toEqual([]);
    expect(overstated(told, had(5, 1))).toEqual([
      'recover says that lane 1 lost at least 2 entries, only Redis had 1',
    ]);
    expect(overstated(told, { entries: new Map() })).toHaveLength(2);
  });

  it.each<[string, Told]>([
    ['an older lane', lane(0, 'older', 0)],
    ['nothing of it', lane(0, 'nothing', 0)],
    ['that some is lost', lane(0, 'whole', 1)],
  ])('may be %s when something is missing', (_, told) => {
    expect(concealed([told], [idIn(0)])).toEqual([]);
    expect(concealed([told], [])).toEqual([]);
  });

  it('is not that nothing was lost when something of that lane is missing', () => {
    for (const found of ['whole', 'cut']) {
      expect(concealed([lane(0, found, 0), lane(1, 'older', 2)], [idIn(0)])).toEqual([
        `1 lost, and recover said that nothing was lost: ${idIn(0)}`,
      ]);
    }
    expect(concealed([lane(0, 'whole', 0)], [])).toEqual([]);
  });

  it('is something, when something is missing', () => {
    expect(concealed(null, [idIn(1)])).toEqual([`1 lost, and nobody recovered: ${idIn(1)}`]);
    expect(concealed(null, [])).toEqual([]);
  });
});
