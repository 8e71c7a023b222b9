/** One command of a shop batch: which decision it is, and what the sale counts. Pure. */
import { reap } from './due.ts';
import { decideHold } from './hold.ts';
import { decideOrder } from './order.ts';
import type { Sale } from './state.ts';
import { available } from './units.ts';
import { latch, type SaleWork } from './work.ts';
import type { CountReply, Reply, ShopCommand, Together } from './words.ts';

export function decide(work: SaleWork, command: Exclude<ShopCommand, Together>): Reply {
  latch(work);
  switch (command.kind) {
    case 'hold':
      return tallied(work.sale, decideHold(work, command));
    case 'pay':
    case 'release':
    case 'details':
    case 'read':
      return decideOrder(work, command);
    case 'count':
      return count(work);
    case 'reap':
      return ['done', reap(work, command.most), work.drained ? 1 : 0];
    case 'touch':
      return ['done', work.sale.state];
  }
}

/** Counts an attempt by what it came to. */
export function tallied<T extends Reply>(sale: Sale, reply: T): T {
  sale.attempts += 1;
  const [code] = reply;
  if (code !== 'done' && code !== 'replayed') {
    sale.refused.set(code, (sale.refused.get(code) ?? 0) + 1);
  }
  return reply;
}

/** What the sale counts now; what is in doubt is the lane's, as this batch found it. */
function count(work: SaleWork): CountReply {
  const { sale, inDoubt, inDoubtAgeMs } = work;
  return [
    'done',
    sale.state,
    sale.startsAt,
    sale.endsAt,
    sale.expired,
    sale.released,
    sale.items.map((it) => [it.product, it.price, it.allotted, available(it), it.held, it.sold]),
    sale.attempts,
    [...sale.refused],
    inDoubt,
    inDoubtAgeMs,
  ];
}
