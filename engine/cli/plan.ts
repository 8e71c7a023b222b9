/**
 * `highnoon plan`: what a sale with a line will be like, played with the admitter's own pacing and the
 * lane's rule for claims. Says what it assumes of shoppers; exit 0 = it was played.
 */
import { simulate } from '../domain/line/simulate.ts';
import { exitWith, readArguments } from './arguments.ts';
import {
  linesOf,
  numberOf,
  numbers,
  outlookOf,
  sceneOf,
  seeded,
  type Asked,
  type Name,
} from './outlook.ts';
import { misused, runCommand } from './run.ts';

const usage = `highnoon plan --shoppers N --units N --rate N [options]

Plays a sale with a line from its bell to its end: how long until it is sold out, how long people wait,
what their odds are.
  --shoppers N       tickets at the bell (1 – 5,000,000)
  --units N          units on sale (1 – 10,000,000)
  --rate N           turns begun in a second, as in \`admission.rate_per_second\`
  --limit N          units for each shopper (1)
  --turn-seconds N   length of a turn (120)
  --factor N         open claims as a multiple of the free units (1)
  --hold-seconds N   length of a hold (300)
  --duration N       seconds until the sale ends (3600)
  --take-share S     share of turns that take units, the others lapse (0.9)
  --return-share S   share of taken units that are not paid and come back (0.1)
  --leave-share S    share of tickets that leave the line before their turn (0.05)
  --think-seconds N  how long a shopper looks before taking, on average (20)
  --seed N           of the play (1): the same one, the same answer
  --json             one JSON document
No stack is needed.
Exit 0: played. 2: the arguments cannot be used.`;

function main(): Promise<number> {
  const options = Object.fromEntries(
    Object.entries(numbers).map(([name, { default: value }]) => [
      name,
      { type: 'string' as const, default: value },
    ]),
  );
  const { values } = readArguments(usage, {
    options: {
      ...options,
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const asked: Partial<Record<Name, number>> = {};
  for (const name of Object.keys(numbers) as Name[]) {
    const value = numberOf(name, String((values as Record<string, unknown>)[name]));
    if (typeof value === 'string') return Promise.resolve(misused(value, usage));
    asked[name] = value;
  }
  const all = asked as Asked;
  const outlook = outlookOf(simulate(sceneOf(all), seeded(all.seed)));
  const json = (values as Record<string, unknown>)['json'] === true;
  const text = json
    ? JSON.stringify(snakeCase({ ...all, ...outlook }))
    : linesOf(all, outlook).join('\n');
  process.stdout.write(`${text}\n`);
  return Promise.resolve(exitWith.held);
}

/** Names as everywhere in JSON of ours: those of options have dashes. */
const snakeCase = (of: object): object =>
  Object.fromEntries(
    Object.entries(of).map(([name, value]) => [
      name.replace(/-|(?=[A-Z])/g, '_').toLowerCase(),
      value,
    ]),
  );

runCommand('plan', main);
