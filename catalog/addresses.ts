/**
 * GET and PUT /v1/me/addresses: the one place that a shopper saved, or a guest chose. Search and
 * cart judge delivery by it; one that is whole serves as an order's address.
 */
import type { Db, Query } from '../platform/postgres/pool.ts';
import type { Ctx, Route } from '../platform/http/route.ts';
import { windowRow } from '../platform/window/rows.ts';
import { shopperOf } from './shopper.ts';
import { keyedOf, once } from './once.ts';
import type { Changed } from './once.ts';
import { Turns, answering, answeringChange } from './turns.ts';

/** As the schema lets it in. */
export interface Address extends Readonly<Record<string, string>> {
  readonly country: string;
}

interface Stored {
  readonly email: string | null;
  readonly address: Address;
}

/** Told what a shopper saved, once it is kept. */
export type AddressSaved = (shopper: string, address: Address) => void;

const turnsMax = 64;

const readText = 'SELECT email, address FROM shop.addresses WHERE shopper = $1';

/** Null when nothing was saved. */
export async function readAddress(q: Query, shopper: string): Promise<Stored | null> {
  const [row] = await q.query<Stored>(readText, [shopper], 'address');
  return row ?? null;
}

const writeText = `
INSERT INTO shop.addresses (shopper, email, address) VALUES ($1, $2, $3)
ON CONFLICT (shopper) DO UPDATE SET
  email = EXCLUDED.email, address = EXCLUDED.address, updated_at = now()`;

export function addressRoutes(db: Db, saved: AddressSaved): Route[] {
  const turns = new Turns(turnsMax);
  const read = async (ctx: Ctx) => documentOf(await readAddress(db, shopperOf(ctx).id));
  const write = async (ctx: Ctx): Promise<Changed> => {
    const { email = null, ...address } = ctx.body as Address;
    const { id } = shopperOf(ctx);
    const change = async (q: Query): Promise<void> => {
      await q.run(writeText, [id, email, JSON.stringify(address)], 'address_put');
    };
    const replayed = await once(db, keyedOf(ctx), () => Promise.resolve(change));
    if (replayed) return { document: await read(ctx), replayed };
    saved(id, address);
    return { document: documentOf({ email, address }), replayed };
  };
  return [
    {
      ...windowRow('getAddresses'),
      handle: (ctx) => answering(ctx, () => turns.run(() => read(ctx))),
    },
    {
      ...windowRow('putAddresses'),
      handle: (ctx) => answeringChange(ctx, () => turns.run(() => write(ctx))),
    },
  ];
}

function documentOf(stored: Stored | null): object {
  if (stored === null) return { items: [], next_cursor: null };
  const { email, address } = stored;
  const item = email === null ? address : { ...address, email };
  return { items: [item], next_cursor: null };
}
