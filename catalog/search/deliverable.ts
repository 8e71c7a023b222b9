/**
 * Which rules of delivery reach a place, as tags to filter by: judged by the very function that
 * answers for a single product, once per set of rules and place. Rules never change, so what was
 * read stays; bounded in places.
 */
import type { Query } from '../../platform/postgres/pool.ts';
import { deliveryTo } from '../delivery/rules.ts';
import type { DeliveryRules, Place } from '../delivery/rules.ts';
import { deliveryTag } from './tags.ts';

export interface Deliverable {
  /** Tags of all that is delivered there, rules written a tenth of a second ago included. */
  tagsFor(place: Place): Promise<readonly number[]>;
}

interface Judged {
  /** Of so many sets of rules, in the order in which they were read. */
  seen: number;
  readonly tags: number[];
}

const placesMax = 1000;
const newRulesText = `SELECT id, rules FROM shop.delivery_rules WHERE id <> ALL($1) AND id > $2 ORDER BY id`;
/** Ids are taken before they are committed: the newest may still lack some before them. */
const unsettledIds = 1000;

/** Of new rules: so often at most they are asked for. */
const rulesFreshMs = 100;

export function createDeliverable(q: Query, now: () => number): Deliverable {
  let readAt = -Infinity;
  const all: { readonly id: number; readonly rules: DeliveryRules }[] = [];
  const recent = new Set<number>();
  const places = new Map<string, Judged>();
  const readNew = async (): Promise<void> => {
    const from = Math.max(0, ...recent) - unsettledIds;
    for (const id of recent) if (id <= from) recent.delete(id);
    const known = [...recent];
    const rows = await q.query<{ id: number; rules: DeliveryRules }>(
      newRulesText,
      [known, from],
      'search_new_rules',
    );
    for (const row of rows) {
      if (recent.has(row.id)) continue;
      recent.add(row.id);
      all.push(row);
    }
  };
  return {
    async tagsFor(place) {
      const at = now();
      if (at - readAt > rulesFreshMs) {
        await readNew();
        readAt = at;
      }
      const key = `${place.country} ${place.postalCode ?? ''}`;
      const judged = places.get(key) ?? { seen: 0, tags: startOf(place) };
      for (const { id, rules } of all.slice(judged.seen)) {
        if (deliveryTo(rules, place).deliverable === true) judged.tags.push(deliveryTag(id));
      }
      judged.seen = all.length;
      remember(places, key, judged);
      return judged.tags;
    },
  };
}

/** What has no rules goes everywhere that we know. */
const startOf = (place: Place): number[] =>
  deliveryTo(null, place).deliverable === true ? [deliveryTag(null)] : [];

function remember(places: Map<string, Judged>, key: string, judged: Judged): void {
  places.delete(key);
  places.set(key, judged);
  const [oldest] = places.keys();
  if (places.size > placesMax && oldest !== undefined) places.delete(oldest);
}
