// Counts for lists: asked once in half a second, whoever asks, and never an error.
import { describe, expect, it } from 'vitest';
import { LaneViews, viewFreshMs } from '../../../api/lane-views.ts';
import { fakeEngine, laneSale, saleId } from './fake-engine.ts';

function views() {
  const fake = fakeEngine();
  let now = 0;
  const made = new LaneViews(fake.engine, () => now);
  return {
    fake,
    views: made,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('LaneViews', () => {
  it('asks once for many, and again after a while', async () => {
    const { fake, views: made, pass } = views();
    const all = await Promise.all(Array.from({ length: 100 }, () => made.view(saleId)));
    expect(all.every((lane) => lane?.id === laneSale.id)).toBe(true);
    expect(fake.calls).toHaveLength(1);
    pass(viewFreshMs - 1);
    await made.view(saleId);
    expect(fake.calls).toHaveLength(1);
    pass(1);
    await made.view(saleId);
    expect(fake.calls).toHaveLength(2);
  });

  it('is null where the lane cannot say', async () => {
    const { fake, views: made, pass } = views();
    for (const laneSale of [
      { kind: 'unavailable', reason: 'frozen', retryAfterMs: 1 },
      { kind: 'rejected', rejection: { code: 'not_found' }, now: 0 },
      new Error('away'),
    ]) {
      fake.answers = { laneSale };
      expect(await made.view(saleId)).toBeNull();
      pass(viewFreshMs);
    }
  });
});
