/** /asyncapi.json: AsyncAPI 3 of the socket and the topics, from their tables. */
import { documentRoute } from '../platform/http/standard.ts';
import type { JsonSchema, Route } from '../platform/http/route.ts';
import { clientMessages, closeCodes, serverMessages } from './socket/messages.ts';
import type { Message } from './socket/messages.ts';
import { topics } from './topics.ts';
import type { Topic } from './topics.ts';

type Json = Record<string, unknown>;

const ref = (...path: readonly string[]): Json => ({ $ref: `#/${path.join('/')}` });

/** Both directions have types of their own, but for none: `leave` and the like are the client's only. */
const nameOf = (side: 'client' | 'server', type: string): string => `${side}.${type}`;

function messagesOf(side: 'client' | 'server', table: Readonly<Record<string, Message>>): Json {
  const found: Json = {};
  for (const [type, { summary, schema }] of Object.entries(table)) {
    found[nameOf(side, type)] = {
      name: type,
      title: type,
      summary,
      contentType: 'application/json',
      payload: schema,
    };
  }
  return found;
}

function topicMessage({ summary, contentType, headers, payload }: Topic): Json {
  return { summary, contentType, payload, ...(headers === undefined ? {} : { headers }) };
}

const socketDescription =
  'Subprotocol `highnoon.v1.json` (text) or `highnoon.v1.msgpack` (binary, the same members). ' +
  'Identity by the Authorization header or by `hello`, which comes first, within 5 s. Command ids are ' +
  'UUIDs or ULIDs and the idempotency keys; answers are those of HTTP. Every message but `tick` and ' +
  '`sale` has a rising `seq`. `hello {resume}` goes on after a cut: `welcome.resumed` says whether by ' +
  'replay or by snapshot. Commands beyond the rate, or beyond the number that may wait for their answer, ' +
  'are refused with `rate_limited`; who goes on is closed with 4429. ' +
  `Close codes: ${Object.values(closeCodes)
    .filter((code) => code >= 4000)
    .join(', ')}: bad message, no identity, not allowed, too slow, too many, ours.`;

const refs = (kind: string, channel: string, names: readonly string[]): JsonSchema[] =>
  names.map((name) => ref(kind, channel, 'messages', name));

/** The whole document. */
export function asyncapiOf(info: { readonly title: string; readonly version: string }): Json {
  const client = messagesOf('client', clientMessages);
  const server = messagesOf('server', serverMessages);
  const messages: Json = { ...client, ...server };
  const channels: Json = {
    socket: {
      address: '/v1/socket',
      servers: [ref('servers', 'api')],
      description: socketDescription,
      messages: Object.fromEntries(
        Object.keys(messages).map((name) => [name, ref('components', 'messages', name)]),
      ),
      bindings: { ws: { method: 'GET' } },
    },
  };
  const operations: Json = {
    commands: {
      action: 'receive',
      channel: ref('channels', 'socket'),
      summary: 'What clients send',
      messages: refs('channels', 'socket', Object.keys(client)),
    },
    news: {
      action: 'send',
      channel: ref('channels', 'socket'),
      summary: 'What they are told',
      messages: refs('channels', 'socket', Object.keys(server)),
    },
  };
  for (const topic of topics) {
    messages[topic.name] = topicMessage(topic);
    channels[topic.name] = {
      address: topic.name,
      servers: [ref('servers', 'kafka')],
      description: `${topic.summary}. Key: ${topic.key}. TOPIC_PREFIX stands before the name.`,
      messages: { [topic.name]: ref('components', 'messages', topic.name) },
    };
    operations[`publish.${topic.name}`] = {
      action: 'send',
      channel: ref('channels', topic.name),
      messages: refs('channels', topic.name, [topic.name]),
    };
  }
  return {
    asyncapi: '3.0.0',
    info: { ...info, description: 'Live sales, tickets and orders; and what is told to others.' },
    defaultContentType: 'application/json',
    servers: {
      api: { host: '{host}', protocol: 'ws', variables: { host: { default: 'localhost:3000' } } },
      kafka: {
        host: '{broker}',
        protocol: 'kafka',
        variables: { broker: { default: 'kafka:9092' } },
      },
    },
    channels,
    operations,
    components: { messages },
  };
}

export function asyncapiRoute(info: { readonly title: string; readonly version: string }): Route {
  const summary = 'The socket and the topics as AsyncAPI 3';
  const make = (): string => JSON.stringify(asyncapiOf(info));
  return documentRoute('sale', 'getAsyncapi', '/asyncapi.json', summary, make);
}
