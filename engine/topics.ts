/** Kafka topics and groups of the engine, with their settings. */
import type { TopicSpec } from '../platform/kafka/port.ts';

const dayMs = 24 * 3600 * 1000;

export interface Topics {
  readonly orders: string;
  readonly newProduct: string;
  readonly orderUpdates: string;
  readonly catalogChanges: string;
  /** What the vendor of a sale has to know: it became smaller than announced. */
  readonly saleNotices: string;
  /** Of the window: a wish became cheaper, or came back. */
  readonly wishlistNotices: string;
  readonly settlerGroup: string;
  readonly openerGroup: string;
}

export function topicsOf(prefix: string): Topics {
  return {
    orders: `${prefix}orders`,
    newProduct: `${prefix}new-product`,
    orderUpdates: `${prefix}order-updates`,
    catalogChanges: `${prefix}catalog-changes`,
    saleNotices: `${prefix}sale-notices`,
    wishlistNotices: `${prefix}wishlist-notices`,
    settlerGroup: `${prefix}highnoon-settler`,
    openerGroup: `${prefix}highnoon-opener`,
  };
}

/** Topics that others subscribe to, each with dead letters of its own. */
export const jsonTopics = (topics: Topics): readonly string[] => [
  topics.newProduct,
  topics.orderUpdates,
  topics.catalogChanges,
  topics.saleNotices,
  topics.wishlistNotices,
];

/** Where a message goes that a subscriber can never take. */
export const deadLetterTopic = (topic: string): string => `${topic}.dlq`;

/** `orders` has a partition for each lane and is kept longer than backups are apart. */
export function topicSpecs(prefix: string, lanes: number, replication: number): TopicSpec[] {
  const topics = topicsOf(prefix);
  const durable = { 'min.insync.replicas': String(Math.max(1, replication - 1)) };
  return [
    {
      topic: topics.orders,
      partitions: lanes,
      replication,
      config: {
        ...durable,
        'cleanup.policy': 'delete',
        'retention.ms': String(14 * dayMs),
        'retention.bytes': '-1',
        'max.message.bytes': '8388608',
      },
    },
    ...jsonTopics(topics).flatMap((topic) => [
      {
        topic,
        partitions: 4,
        replication,
        config: { ...durable, 'retention.ms': String(7 * dayMs) },
      },
      {
        topic: deadLetterTopic(topic),
        partitions: 1,
        replication,
        config: { ...durable, 'retention.ms': String(30 * dayMs) },
      },
    ]),
  ];
}
