/** When the relay pauses: under load however few entries a round finds, never for a few alone. */
import { describe, expect, it } from 'vitest';
import { loadWindow } from '../../../engine/relay.ts';

const pauseMs = 50;

describe('the relay’s load', () => {
  it('is seen in rounds of one entry each, when they follow fast', () => {
    const isBusy = loadWindow(pauseMs);
    expect([0, 5, 10, 15, 20].map((now) => isBusy(1, now))).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it('is not seen in a few entries with time between them', () => {
    const isBusy = loadWindow(pauseMs);
    expect([0, 60, 120, 180, 240, 300].map((now) => isBusy(2, now))).not.toContain(true);
  });

  it('is seen in every full round after a pause, and ends with it', () => {
    const isBusy = loadWindow(pauseMs);
    expect(isBusy(10, 0)).toBe(true);
    expect(isBusy(10, 51)).toBe(true);
    expect(isBusy(1, 102)).toBe(false);
  });
});
