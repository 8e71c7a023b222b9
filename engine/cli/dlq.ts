/** `highnoon dlq list|replay`: dead letters; exit 0 = listed, or everything asked for was sent. */
import {
  eachDeadLetter,
  letterTopics,
  replayDeadLetters,
  type DeadLetter,
} from '../dead-letters.ts';
import { exitWith, readArguments } from './arguments.ts';
import { jsonRows } from './json-rows.ts';
import { progressLine } from './progress.ts';
import { misused, runCommand, withLog, type LogStores } from './run.ts';

const usage = `highnoon dlq list   [--topic T] [--all] [--json]
highnoon dlq replay ID… | --all [--topic T] [--json]

Dead letters are messages that a subscriber could never take. They stay in T.dlq for 30 days.
  list       those that were not sent again yet, with why, where and when; --all: every one
  replay     sends the original bytes to the original topic again: the letters named by their ID
             (topic/partition/offset, as list shows it), or with --all every one that was not sent
             again yet. Twice is harmless: subscribers know what they have
  --topic T  only this topic: ${letterTopics().join(', ')}
  --json     one JSON document: an array of the letters (list), or the counts (replay)
Mend what the reason says first: a letter that still cannot be taken comes back as a new one.
Exit 0: listed, or all that was asked for was sent. 1: an ID is no dead letter. 2: not done.`;

const idPattern = /^([a-z-]+)\/(\d+)\/(\d+)$/;

interface Asked {
  readonly topics: readonly string[];
  readonly ids: ReadonlySet<string>;
  readonly all: boolean;
  readonly json: boolean;
}

const keyOf = ({ key }: DeadLetter['message']): string | null => key?.toString('utf8') ?? null;

function rowOf({ id, message, why, where, when, replayedAt }: DeadLetter): object {
  const value = message.value.toString('base64');
  return { id, key: keyOf(message), why, where, when, replayed_at: replayedAt, value };
}

function print({ id, message, why, where, when, replayedAt }: DeadLetter): void {
  const key = keyOf(message);
  const again = replayedAt === null ? '' : `\n    sent again ${replayedAt}`;
  process.stdout.write(
    `${id}  ${when}  key ${key ?? 'none'}, ${message.value.length} bytes\n` +
      `    ${why}\n    was ${where}${again}\n`,
  );
}

async function list(stores: LogStores, asked: Asked): Promise<number> {
  const rows = jsonRows();
  let shown = 0;
  for (const topic of asked.topics) {
    await eachDeadLetter({ ...stores, topicPrefix: stores.config.topicPrefix }, topic, (letter) => {
      if (letter.replayedAt !== null && !asked.all) return;
      shown += 1;
      if (asked.json) rows.row(rowOf(letter));
      else print(letter);
    });
  }
  if (asked.json) rows.end();
  else process.stdout.write(`${shown === 0 ? 'no' : shown} dead letters\n`);
  return exitWith.held;
}

async function replay(stores: LogStores, asked: Asked): Promise<number> {
  const missing = new Set(asked.ids);
  const progress = progressLine();
  const producer = await stores.kafka.producer();
  let sent = 0;
  for (const topic of asked.topics) {
    const before = sent;
    sent += await replayDeadLetters(
      { ...stores, topicPrefix: stores.config.topicPrefix },
      producer,
      topic,
      ({ id, replayedAt }) => (asked.all ? replayedAt === null : missing.delete(id)),
      (letters) => progress.show(`${topic}: ${letters} sent, ${before + letters} in all`),
    );
  }
  progress.clear();
  for (const id of missing) process.stderr.write(`${id} is no dead letter that Kafka keeps\n`);
  const counts = { sent, missing: [...missing] };
  process.stdout.write(
    asked.json ? `${JSON.stringify(counts)}\n` : `${sent} dead letters were sent again\n`,
  );
  return missing.size > 0 ? exitWith.violated : exitWith.held;
}

/** What is wrong with an argument, or the topics to look at. */
function topicsFor(topic: string | undefined, ids: readonly string[]): string | readonly string[] {
  const known = letterTopics();
  if (topic !== undefined && !known.includes(topic)) return `--topic: no topic ${topic} has them`;
  for (const id of ids) {
    const named = idPattern.exec(id)?.[1];
    if (named === undefined || !known.includes(named)) return `${id} is no ID of a dead letter`;
    if (topic !== undefined && named !== topic) return `${id} is not of the topic ${topic}`;
  }
  if (topic !== undefined) return [topic];
  return ids.length === 0
    ? known
    : known.filter((name) => ids.some((id) => id.startsWith(`${name}/`)));
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments(usage, {
    allowPositionals: true,
    options: {
      topic: { type: 'string' },
      all: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [verb, ...ids] = positionals;
  if (verb !== 'list' && verb !== 'replay') return misused('dlq: list or replay?', usage);
  if (verb === 'list' && ids.length > 0) return misused('dlq list takes no ID', usage);
  if (verb === 'replay' && (ids.length === 0) !== values.all) {
    return misused('dlq replay: IDs, or --all?', usage);
  }
  const topics = topicsFor(values.topic, ids);
  if (typeof topics === 'string') return misused(topics, usage);
  const asked = { topics, ids: new Set(ids), all: values.all, json: values.json };
  return withLog('dlq', (stores) =>
    verb === 'list' ? list(stores, asked) : replay(stores, asked),
  );
}

runCommand('dlq', main);
