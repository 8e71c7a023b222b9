/** An outbox as its readers see it: where to go on, and the Kafka message that an entry becomes. */
import type { IncomingMessage, OutgoingMessage } from '../../platform/kafka/port.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import type { Position } from '../domain/contiguity.ts';

export interface OutboxItem {
  /** `epoch-sequence` */
  readonly id: string;
  readonly value: Buffer;
}

/** The id after which an outbox goes on above a position. */
export const idOf = ({ epoch, seq }: Position): string =>
  // Ids are (epoch, sequence): what follows (e, -1) is what follows the greatest id of e - 1.
  seq >= 0 ? `${epoch}-${seq}` : `${epoch - 1}-18446744073709551615`;

export async function readOutbox(
  redis: Redis,
  key: string,
  after: string,
  most: number,
): Promise<OutboxItem[]> {
  const items = await redis.xrangeBuffer(key, `(${after}`, '+', 'COUNT', most);
  return items.map(([id, fields]) => ({
    id: id.toString(),
    value: fields[1] ?? Buffer.alloc(0),
  }));
}

/** The message of an entry, its bytes untouched. */
export function messageOf(
  lane: number,
  deployment: string,
  { id, value }: OutboxItem,
): OutgoingMessage {
  const [epoch = ''] = id.split('-');
  return {
    partition: lane,
    key: String(lane),
    value,
    headers: {
      'content-type': 'application/msgpack',
      deployment,
      lane: String(lane),
      epoch,
      position: id,
    },
  };
}

/** False for what is left in a topic of another deployment: its positions name other decisions. */
export const isOf = (deployment: string, { headers }: IncomingMessage): boolean =>
  (headers['deployment'] ?? deployment) === deployment;
