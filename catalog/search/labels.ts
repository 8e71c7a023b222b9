/** Numbers of tags and what they stand for, both ways. They never change: remembered, bounded. */
import type { Query } from '../../platform/postgres/pool.ts';
import type { Tag } from './tags.ts';

export interface Labels {
  /** Of tags that there are; a label that no product has is left out. */
  idsOf(labels: readonly string[]): Promise<ReadonlyMap<string, number>>;
  tagsOf(ids: readonly number[]): Promise<ReadonlyMap<number, Tag>>;
}

interface Row extends Tag {
  readonly id: number;
}

const rememberedMax = 100_000;
const byLabelText = `SELECT id, label, shown FROM shop.search_tags WHERE label = ANY($1)`;
const byIdText = `SELECT id, label, shown FROM shop.search_tags WHERE id = ANY($1)`;

export function createLabels(q: Query): Labels {
  const byId = new Map<number, Tag>();
  const byLabel = new Map<string, number>();
  const remember = ({ id, label, shown }: Row): void => {
    if (byId.size >= rememberedMax) {
      byId.clear();
      byLabel.clear();
    }
    byId.set(id, { label, shown });
    byLabel.set(label, id);
  };
  return {
    async idsOf(labels) {
      const missing = labels.filter((label) => !byLabel.has(label));
      if (missing.length > 0) {
        (await q.query<Row>(byLabelText, [missing], 'search_by_label')).forEach(remember);
      }
      const known = labels.map((label) => [label, byLabel.get(label)] as const);
      return new Map(known.flatMap(([label, id]) => (id === undefined ? [] : [[label, id]])));
    },
    async tagsOf(ids) {
      const missing = ids.filter((id) => !byId.has(id));
      if (missing.length > 0) {
        (await q.query<Row>(byIdText, [missing], 'search_by_id')).forEach(remember);
      }
      const known = ids.map((id) => [id, byId.get(id)] as const);
      return new Map(known.flatMap(([id, tag]) => (tag === undefined ? [] : [[id, tag]])));
    },
  };
}
