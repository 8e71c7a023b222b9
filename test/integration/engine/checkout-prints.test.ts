/** What a checkout leaves behind: nothing of whom it is for, beside the order's details. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkout, type CheckoutContext } from '../../../engine/checkout.ts';
import type { CheckoutCommand } from '../../../engine/engine.ts';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { projectRoot } from '../../../platform/config.ts';
import { WorldShop, type Product } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const migration = join(projectRoot(), 'engine/migrations/033_checkout_prints.sql');
const address = { name: 'Zoë', line1: '1 Main St', city: 'Salem', country: 'US' };
const details = { email: 'zoe@example.org', address };

let world: World;
let product: Product;
let context: CheckoutContext;

beforeAll(async () => {
  world = await formatWorld({ lanes: 1, kafka: 'none' });
  const shop = new WorldShop(world);
  product = await shop.product(await shop.vendor(), 5);
  const { db, lanes, settings } = world;
  const secret = idSecretOf(settings.idSecret);
  context = { db, secret, shop: lanes.shop, shopLines: lanes.shopLines };
});
afterAll(() => world.close());

const commandOf = (idempotencyKey: string): CheckoutCommand => ({
  ...{ shopper: 'zoe', verified: true, details, idempotencyKey },
  lines: () => Promise.resolve([{ product: product.id, quantity: 1 }]),
  fingerprint: JSON.stringify(details),
});

async function held(key: string): Promise<string> {
  const outcome = await checkout(context, commandOf(key));
  if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
  return outcome.value.id;
}

const rows = () => world.db.query<{ fingerprint: string }>('SELECT * FROM sale.checkouts');

it('keeps a print of the body, which tells another body and gives nothing away', async () => {
  const id = await held('one');
  const [row] = await rows();
  expect(row?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  expect(JSON.stringify(await rows())).not.toMatch(/zoe@|Zoë|Main St|Salem/);
  expect(await checkout(context, commandOf('one'))).toMatchObject({
    replayed: true,
    value: { id },
  });
  const other = await checkout(context, { ...commandOf('one'), fingerprint: '{}' });
  expect(other).toMatchObject({ rejection: { code: 'idempotency_key_reused' } });
});

it('takes the body out of rows of before, whose keys stay what they were', async () => {
  const { fingerprint: body } = commandOf('two');
  const id = await held('two');
  const now = await rows();
  await world.db.run('UPDATE sale.checkouts SET fingerprint = $1', [body]);
  await world.db.run(readFileSync(migration, 'utf8'));
  expect(await rows()).toEqual(now.map((row) => ({ ...row, fingerprint: now[0]?.fingerprint })));
  expect(await checkout(context, commandOf('two'))).toMatchObject({
    replayed: true,
    value: { id },
  });
});
