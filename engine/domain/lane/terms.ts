/**
 * A vendor changes the terms of a sale before its bell. Its items stay what they are but for their
 * prices, its tickets stay, and a line that somebody has joined stays a line of its mode and open to all
 * who may have joined it. Pure.
 */
import { newLine } from './evolve-line.ts';
import { refused } from './refused.ts';
import type { Sale } from './state.ts';
import { happen, type SaleWork } from './work.ts';
import type { LaneCommand, Terms } from './words.ts';

export function changeTerms(work: SaleWork, c: Extract<LaneCommand, { terms: Terms }>): void {
  const { sale } = work;
  if (sale.state !== 'scheduled') {
    happen(work, ['changed', c.number, 0, 'state', sale.state]);
    return;
  }
  const { line } = sale;
  const isNarrower = c.terms.verifiedOnly && !sale.verifiedOnly;
  if (line !== null && line.joined > 0 && (c.terms.line?.mode !== line.terms.mode || isNarrower)) {
    happen(work, refused(c, 'joined'));
    return;
  }
  replaceTerms(sale, c.terms);
  happen(work, ['changed', c.number, 1, '']);
}

/** Throws when the items are others: no vendor's command says so. */
function replaceTerms(sale: Sale, terms: Terms): void {
  for (const [i, item] of sale.items.entries()) {
    if (terms.items[i]?.product !== item.product) throw new Error('malformed command');
  }
  if (terms.items.length !== sale.items.length) throw new Error('malformed command');
  sale.startsAt = terms.startsAt;
  sale.endsAt = terms.endsAt;
  sale.limit = terms.limit;
  sale.holdMs = terms.holdMs;
  sale.verifiedOnly = terms.verifiedOnly;
  for (const [i, item] of sale.items.entries()) item.price = terms.items[i]?.price ?? item.price;
  if (terms.line === null) sale.line = null;
  else if (sale.line === null) sale.line = newLine(terms.line);
  else sale.line.terms = terms.line;
}
