// What the drills' shoppers hold against an answer, and what is a race of their own making.
import { describe, expect, it } from 'vitest';
import { orderIdOf, saleIdOf } from '../../../engine/domain/ids.ts';
import type { Answer, Client, Told } from '../../drill/client.ts';
import { History, type Asked } from '../../drill/history.ts';
import { askCommand } from '../../drill/shopper.ts';
import { Rng } from '../../support/rng.ts';

const sale = saleIdOf(0, Buffer.alloc(8));
const id = orderIdOf(sale, '1'.repeat(24));

const answer = (status: number, json: Readonly<Record<string, unknown>>): Answer => ({
  ...{ status, json, text: JSON.stringify(json), replayed: false },
});
const accepted = answer(201, { id, units: [1], amount: { amount: 100 } });
const soldOut = answer(409, { code: 'sold_out' });

const hold = (): Asked => ({
  ...{ verb: 'hold', sale, shopper: 0, key: 'k', body: { quantity: 1, product_id: 'prd_1' } },
  ...{
    order: '',
    startedAt: 0,
    outcome: 'unknown',
    answeredAt: 0,
    tries: 0,
    unavailable: 0,
    silent: 0,
  },
  ...{ feltFrom: 0, feltUntil: 0, said: '', status: 0, code: '' },
});

/** A client whose answers come when the test says so, in the order of its asking. */
function scripted() {
  const waiting: ((told: Told) => void)[] = [];
  const ask = (): Promise<Told> => new Promise((resolve) => waiting.push(resolve));
  const history = new History();
  const around = {
    ...{ client: { ask } as unknown as Client, accounts: [{ id: 'sho_1', token: 't' }] },
    ...{ history, rng: new Rng(1), sales: () => [] },
  };
  const tell = (nth: number, said: Answer): void => {
    waiting[nth]?.({
      answer: said,
      tries: 1,
      unavailable: 0,
      silent: 0,
      feltFrom: 0,
      feltUntil: 0,
    });
  };
  return { around, history, tell };
}

describe('a key that is sent twice at once', () => {
  it('may be refused by the one that was decided before a unit came back', async () => {
    const { around, history, tell } = scripted();
    const asked = hold();
    const both = [askCommand(around, asked), askCommand(around, asked)];
    tell(1, accepted);
    await both[1];
    tell(0, soldOut);
    await both[0];
    expect(history.violations).toEqual([]);
    expect(asked.outcome).toBe('ok');
  });
});

describe('a key that was accepted', () => {
  it('must not be refused when it is asked again', async () => {
    const { around, history, tell } = scripted();
    const asked = hold();
    const first = askCommand(around, asked);
    tell(0, accepted);
    await first;
    const again = askCommand(around, asked);
    tell(1, soldOut);
    await again;
    expect(history.violations.map(({ what }) => what)).toEqual([
      `I7: accepted, then hold of ${id}: 409 sold_out`,
    ]);
  });
});
