/**
 * Which rules of delivery reach a place, as tags to filter by, and what they say there: judged by
 * the very function that answers for a single product, once per set of rules and place. Rules never
 * change, so what was read stays; bounded in places.
 */
import type { Query } from '../../platform/postgres/pool.ts';
import { deliveryTo } from '../delivery/rules.ts';
import type { DeliveryRules, Place } from '../delivery/rules.ts';
import { deliveryTag } from './tags.ts';

export interface Deliverable {
  /** Tags of all that is delivered there, rules written a tenth of a second ago included. */
  tagsFor(place: Place): Promise<readonly number[]>;
  /** What sets of rules say of the place, as JSON, in their order; null = none, without a place too. */
  textsFor(place: Place | null, rulesIds: readonly (number | null)[]): Promise<string[]>;
}

interface Judged {
  /** Of so many sets of rules, in the order in which they were read. */
  seen: number;
  readonly tags: number[];
  /** What they say, by their id; 0 = none. */
  readonly texts: Map<number, string>;
}

const placesMax = 1000;
const textsMax = 1000;
const newRulesText = `SELECT id, rules FROM shop.delivery_rules WHERE id <> ALL($1) AND id > $2 ORDER BY id`;
const rulesText = `SELECT id, rules FROM shop.delivery_rules WHERE id = ANY($1)`;
/** Ids are taken before they are committed: the newest may still lack some before them. */
const unsettledIds = 1000;

/** Of new rules: so often at most they are asked for. */
const rulesFreshMs = 100;

interface RulesRow {
  readonly id: number;
  readonly rules: DeliveryRules;
}

export function createDeliverable(q: Query, now: () => number): Deliverable {
  let readAt = -Infinity;
  const all: RulesRow[] = [];
  const byId = new Map<number, DeliveryRules>();
  const recent = new Set<number>();
  let newest = 0;
  const places = new Map<string, Judged>();
  const readNew = async (): Promise<void> => {
    const from = newest - unsettledIds;
    for (const id of recent) if (id <= from) recent.delete(id);
    const known = [...recent];
    for (const row of await q.query<RulesRow>(newRulesText, [known, from], 'search_new_rules')) {
      if (recent.has(row.id)) continue;
      recent.add(row.id);
      newest = Math.max(newest, row.id);
      all.push(row);
      byId.set(row.id, row.rules);
    }
  };
  const readThese = async (ids: readonly number[]): Promise<void> => {
    if (ids.length === 0) return;
    const rows = await q.query<RulesRow>(rulesText, [ids], 'search_these_rules');
    for (const { id, rules } of rows) byId.set(id, rules);
  };
  const judgedOf = (place: Place | null): Judged => {
    const key = place === null ? '' : `${place.country} ${place.postalCode ?? ''}`;
    const judged = places.get(key) ?? { seen: 0, tags: startOf(place), texts: new Map() };
    remember(places, key, judged);
    return judged;
  };
  return {
    async tagsFor(place) {
      const at = now();
      if (at - readAt > rulesFreshMs) {
        await readNew();
        readAt = at;
      }
      const judged = judgedOf(place);
      for (const { id, rules } of all.slice(judged.seen)) {
        if (deliveryTo(rules, place).deliverable === true) judged.tags.push(deliveryTag(id));
      }
      judged.seen = all.length;
      return judged.tags;
    },
    async textsFor(place, rulesIds) {
      const { texts } = judgedOf(place);
      const unknown = rulesIds.flatMap((id) => (id === null || byId.has(id) ? [] : [id]));
      await readThese([...new Set(unknown)]);
      return rulesIds.map((id) => {
        const known = texts.get(id ?? 0);
        if (known !== undefined) return known;
        const text = JSON.stringify(deliveryTo(id === null ? null : (byId.get(id) ?? null), place));
        if (texts.size >= textsMax) texts.clear();
        texts.set(id ?? 0, text);
        return text;
      });
    },
  };
}

/** What has no rules goes everywhere that we know. */
const startOf = (place: Place | null): number[] =>
  deliveryTo(null, place).deliverable === true ? [deliveryTag(null)] : [];

function remember(places: Map<string, Judged>, key: string, judged: Judged): void {
  places.delete(key);
  places.set(key, judged);
  const [oldest] = places.keys();
  if (places.size > placesMax && oldest !== undefined) places.delete(oldest);
}
