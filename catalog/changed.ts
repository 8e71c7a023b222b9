/**
 * What one catalog writes of a product, every catalog hears: the intake tells it in the transaction
 * that writes, so it is heard once the new row can be read. Without it memories are a second old.
 */
import type { Log } from '../platform/log.ts';
import { listenTo } from '../platform/postgres/listen.ts';
import type { Listening } from '../platform/postgres/listen.ts';
import type { Query } from '../platform/postgres/pool.ts';
import type { ReadCache } from '../platform/read-cache.ts';
import type { ProductRow } from './new-product.ts';

const channel = 'shop_changed';
/** Postgres takes 8,000 bytes. */
const payloadMaxBytes = 7000;

type Changed = Pick<ProductRow, 'id' | 'variant_of'>;

const tellText = 'SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload';

/** Tells of these products once the transaction is committed; the page of a family shows it too. */
export async function tellChanged(q: Query, products: readonly Changed[]): Promise<void> {
  const ids = products.flatMap(({ id, variant_of: head }) => (head === null ? [id] : [id, head]));
  await q.run(tellText, [channel, payloadsOf([...new Set(ids)])], 'tell_changed');
}

function payloadsOf(ids: readonly string[]): string[] {
  const payloads: string[] = [];
  let some: string[] = [];
  let bytes = 0;
  for (const id of ids) {
    const more = Buffer.byteLength(JSON.stringify(id)) + 1;
    if (bytes + more > payloadMaxBytes) {
      payloads.push(JSON.stringify(some));
      some = [];
      bytes = 0;
    }
    some.push(id);
    bytes += more;
  }
  return [...payloads, JSON.stringify(some)];
}

export interface Memories {
  /** By product. */
  readonly byId: readonly Pick<ReadCache<unknown>, 'expire' | 'expireAll'>[];
  /** What may be about any product. */
  readonly ofMany: readonly Pick<ReadCache<unknown>, 'expireAll'>[];
}

/** Each change makes them read again; a stream of changes must not take the memory away. */
const ofManyEveryMs = 200;

export function forgetChanged(url: string, { byId, ofMany }: Memories, log: Log): Listening {
  let timer: NodeJS.Timeout | null = null;
  let again = false;
  const forgetOfMany = (): void => {
    again = timer !== null;
    if (again) return;
    for (const one of ofMany) one.expireAll('shown');
    timer = setTimeout(() => {
      timer = null;
      if (again) forgetOfMany();
    }, ofManyEveryMs).unref();
  };
  const listening = listenTo(url, {
    ...{ channel, log, name: 'highnoon-catalog-changed' },
    onMessage(payload) {
      for (const id of JSON.parse(payload) as readonly string[]) {
        for (const one of byId) one.expire(id);
      }
      forgetOfMany();
    },
    // What was told meanwhile is not told again.
    onListening() {
      for (const one of [...byId, ...ofMany]) one.expireAll('shown');
    },
  });
  return {
    async close() {
      if (timer !== null) clearTimeout(timer);
      await listening.close();
    },
  };
}
