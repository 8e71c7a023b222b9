/** What `recover` and `quarantine resolve` print of a loss. */
import { describe, expect, it } from 'vitest';
import { lossOf } from '../../../engine/cli/loss-text.ts';

const keptUntil = Date.UTC(2026, 0, 2, 3, 4, 5, 6);

describe('lossOf', () => {
  it('says the least number that is known, and until when all was kept', () => {
    expect(lossOf({ found: 'older', lostAtLeast: 3, keptUntil })).toBe(
      'decisions after 2026-01-02T03:04:05.006Z that had not reached Kafka are lost: at least 3',
    );
  });

  it('says so also when a lane looks whole and somebody counted a loss', () => {
    expect(lossOf({ found: 'whole', lostAtLeast: 1, keptUntil })).toContain('at least 1');
  });

  it('says that there may be one where Redis had less than was used', () => {
    for (const found of ['older', 'nothing'] as const) {
      expect(lossOf({ found, lostAtLeast: 0, keptUntil: 0 })).toBe(
        'decisions after the beginning that had not reached Kafka are lost: none is known of',
      );
    }
  });

  it('promises nothing beyond what is known', () => {
    for (const found of ['whole', 'cut'] as const) {
      expect(lossOf({ found, lostAtLeast: 0, keptUntil })).toBe('no loss is known');
    }
  });
});
