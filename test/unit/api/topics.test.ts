// The topics that /asyncapi.json tells of, with their dead letters.
import { expect, it } from 'vitest';
import { asyncapiOf } from '../../../api/asyncapi.ts';
import { topics } from '../../../api/topics.ts';
import { jsonTopics, topicsOf } from '../../../engine/topics.ts';

const document = asyncapiOf({ title: 'x', version: '1' }) as {
  readonly channels: Readonly<Record<string, { readonly address: string }>>;
  readonly components: { readonly messages: Readonly<Record<string, { headers?: object }>> };
};

const { orders, ...others } = topicsOf('');
const subscribed = jsonTopics({ orders, ...others });

it('has every topic that others subscribe to', () => {
  const originals = topics.map(({ name }) => name).filter((name) => !name.endsWith('.dlq'));
  expect(originals.sort()).toEqual([orders, ...subscribed].sort());
});

it.each(subscribed)('%s has dead letters, whose headers say why, where and when', (name) => {
  const letters = `${name}.dlq`;
  expect(document.channels[letters]?.address).toBe(letters);
  expect(document.components.messages[letters]?.headers).toMatchObject({
    required: ['dlq-why', 'dlq-where', 'dlq-when'],
  });
  expect(topics.find((topic) => topic.name === letters)?.key).toBe(
    topics.find((topic) => topic.name === name)?.key,
  );
});

it('has none of a lane’s decisions', () => {
  expect(document.channels['orders']?.address).toBe('orders');
  expect(document.channels['orders.dlq']).toBeUndefined();
});

it('tells every time as RFC 3339', () => {
  const updates = topics.find(({ name }) => name === 'order-updates');
  expect(updates?.payload).toMatchObject({ properties: { at: { format: 'date-time' } } });
});
