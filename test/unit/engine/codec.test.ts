// Where an outbox entry says that it stands, told from its first bytes alone.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack, positionIn, readEntry } from '../../../engine/lanes/codec.ts';

const entry = (epoch: unknown, seq: unknown, version = 1): Buffer =>
  pack([version, epoch, seq, 1_700_000_000_000, false, 0, [], 0]);

const most = 2 ** 32 - 1;
const edges = [0, 127, 128, 255, 256, 65_535, 65_536, most];

describe('the position in an entry', () => {
  it('is what the whole entry says', () => {
    const number = fc.oneof(fc.nat(most), fc.constantFrom(...edges));
    fc.assert(
      fc.property(number, number, (epoch, seq) => {
        const bytes = entry(epoch, seq);
        expect(positionIn(bytes)).toEqual({ epoch, seq });
        expect(readEntry(bytes)).toMatchObject({ epoch, seq });
      }),
    );
  });

  it('is read in eight bytes too, as Lua writes what is larger', () => {
    const seq = 2 ** 40 + 3;
    const bytes = Buffer.from('98' + '01' + '07' + 'cf' + '0000010000000003' + 'c0', 'hex');
    expect(positionIn(bytes)).toEqual({ epoch: 7, seq });
  });

  it.each([
    ['another version', entry(1, 2, 2)],
    ['a negative sequence', entry(1, -1)],
    ['a fraction', entry(1.5, 2)],
    ['text', entry('1', '2')],
    ['no array', pack({ epoch: 1 })],
    ['a shorter array', pack([1, 2, 3])],
    ['nothing', Buffer.alloc(0)],
    ['an entry cut in its position', entry(1, 2 ** 40).subarray(0, 6)],
  ])('is not there in %s', (_, bytes) => {
    expect(positionIn(bytes)).toBeNull();
  });
});
