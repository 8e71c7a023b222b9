/**
 * Holds over the socket, beside a bare uWebSockets.js socket that sends the same messages back: a
 * closed loop over each, alternated, so that both see the same machine.
 */
import { startServer } from '../child-server.ts';
import { localAddresses, targetOf } from '../client/connection.ts';
import type { Target } from '../client/connection.ts';
import { each } from '../demo/gather.ts';
import { Histogram } from '../client/histogram.ts';
import { SpoiltRun } from '../client/load.ts';
import { textFrame, WebSocketLink } from '../client/web-socket.ts';
import { median } from '../findings.ts';
import type { Bar, Row } from '../findings.ts';
import { Meter } from '../scenario.ts';
import type { Done, Say, ScenarioOptions } from '../scenario.ts';
import { combined } from '../scenarios/rounds.ts';
import { Turns } from '../scenarios/setting.ts';
import type { Setting } from '../scenarios/setting.ts';
import type { StackInfo } from '../stack-info.ts';

/** More than two cores will take: sales are made ahead for it. */
const perSecondMost = 40_000;
const warmUpSeconds = 1;
/** Under way at once. */
const width = 128;
const openAtOnce = 64;
/** So many times as fast as holds may echoes be. */
const echoTimes = 10;

/** The next message and whose it is; null when there is none left. */
type Next = () => { readonly asker: Asker; readonly message: Buffer } | null;

/** A socket with one message under way at a time. */
class Asker {
  readonly opened: Promise<void>;
  #answered: ((ok: boolean, text: string) => void) | null = null;
  readonly #link: WebSocketLink;

  constructor(target: Target, token: string | null, address: string | undefined) {
    let resolve: () => void = () => undefined;
    let reject: (error: Error) => void = () => undefined;
    this.opened = new Promise((done, failed) => {
      resolve = done;
      reject = failed;
    });
    this.#link = new WebSocketLink({
      opened: () => {
        if (token === null) resolve();
        else this.#link.send(textFrame(JSON.stringify({ type: 'hello', token })));
      },
      message: (bytes) => {
        const type = bytes.toString('latin1', 9, 12);
        if (type === 'wel') resolve();
        // An echo is the hold itself. An order is told too, and is no answer.
        else if (type === 'hol') this.#answer(true, '');
        else if (type === 'out') this.#outcome(bytes.toString('latin1'));
      },
      closed: (why) => {
        reject(new SpoiltRun(why));
        this.#answer(false, why);
      },
    });
    this.#link.open(target, '/v1/socket', 'highnoon.v1.json', address);
  }

  #outcome(text: string): void {
    this.#answer(text.includes('"ok":true,"status":201'), text);
  }

  #answer(ok: boolean, text: string): void {
    const answered = this.#answered;
    this.#answered = null;
    answered?.(ok, text);
  }

  ask(message: Buffer, answered: (ok: boolean, text: string) => void): void {
    this.#answered = answered;
    this.#link.send(message);
  }

  cut(): void {
    this.#link.cut();
  }
}

/** So many are under way, always. */
async function closedLoop(next: Next, seconds: number): Promise<Done> {
  const latency = new Histogram();
  const from = performance.now();
  const until = from + seconds * 1000;
  let wrong = '';
  const run = (): Promise<void> =>
    new Promise((resolve) => {
      const send = (): void => {
        const turn = performance.now() < until && wrong === '' ? next() : null;
        if (turn === null) {
          resolve();
          return;
        }
        const at = performance.now();
        turn.asker.ask(turn.message, (ok, text) => {
          latency.add(performance.now() - at);
          if (!ok && wrong === '') wrong = text === '' ? 'no answer' : text;
          send();
        });
      };
      send();
    });
  await Promise.all(Array.from({ length: width }, run));
  if (wrong !== '') throw new SpoiltRun(`a hold over the socket: ${wrong.slice(0, 400)}`);
  return { operations: latency.count, seconds: (performance.now() - from) / 1000, latency };
}

/** Every shopper takes one unit of each sale, sale by sale. */
function holdsOf(turns: Turns, askers: readonly Asker[]): Next {
  let count = 0;
  return () => {
    const turn = turns.next();
    const asker = turn === null ? undefined : askers[turn.shopper];
    if (turn === null || asker === undefined) return null;
    const id = `00000000-0000-4000-8002-${(count++).toString(16).padStart(12, '0')}`;
    const hold = `{"type":"hold","id":"${id}","sale":"${turn.sale}","quantity":1}`;
    return { asker, message: textFrame(hold) };
  };
}

export interface HoldsFound {
  readonly rows: readonly Row[];
  readonly bar: Bar;
  readonly othersCpus: number;
}

export interface HoldsParts {
  readonly stack: StackInfo;
  readonly options: ScenarioOptions;
  readonly setting: Setting;
  readonly say: Say;
}

/** One socket for each token; `width` of them have a hold under way. */
export async function holdsOverSockets(
  { stack, options, setting, say }: HoldsParts,
  tokens: readonly string[],
): Promise<HoldsFound> {
  const bare = await startServer('baselines/bare-echo.js');
  const meter = new Meter([...stack.processes, { name: 'bare echo', pid: bare.pid }]);
  const ours = await opened(targetOf(stack.apiUrl), tokens, (token) => token);
  const echoing = await opened(targetOf(bare.url), tokens, () => null);
  const seconds = options.seconds / options.rounds;
  const orders = (warmUpSeconds + options.seconds) * perSecondMost;
  const sales = await setting.openSales(Math.ceil(orders / tokens.length), tokens.length);
  const turnsOf = (askers: readonly Asker[]) => {
    const turns = new Turns(askers.length);
    // An echo is as good a second time; a hold is not, so there are enough for the fastest.
    for (let i = 0; i < (askers === ours ? 1 : echoTimes); i++) turns.add(sales);
    return { turns, next: holdsOf(turns, askers) };
  };
  const { turns, next } = turnsOf(ours);
  const { next: nextEcho } = turnsOf(echoing);
  const held: Row[] = [];
  const echoed: Row[] = [];
  try {
    for (const some of [next, nextEcho]) await closedLoop(some, warmUpSeconds);
    for (let round = 1; round <= options.rounds; round++) {
      say(`sockets: holds over the socket, round ${round} of ${options.rounds}`);
      held.push(await meter.measure('hold over a socket', () => closedLoop(next, seconds)));
      await setting.settled(sales);
      echoed.push(await meter.measure('bare echo', () => closedLoop(nextEcho, seconds)));
    }
    const counted = await setting.held(sales);
    if (counted !== turns.taken) {
      throw new SpoiltRun(`${turns.taken} holds were told, ${counted} are counted`);
    }
  } finally {
    for (const asker of [...ours, ...echoing]) asker.cut();
    await bare.close();
  }
  const share = median(held.map(({ perSecond }, i) => perSecond / (echoed[i]?.perSecond ?? 0)));
  return {
    rows: [combined(held), combined(echoed)],
    bar: {
      what: 'holds, of the bare echo’s rate',
      value: share * 100,
      bar: 60,
      side: 'least',
      unit: '%',
    },
    othersCpus: meter.othersCpus,
  };
}

async function opened(
  target: Target,
  tokens: readonly string[],
  tokenOf: (token: string) => string | null,
): Promise<Asker[]> {
  const askers: Asker[] = [];
  await each(tokens.length, openAtOnce, async (i) => {
    const address = localAddresses[i % localAddresses.length];
    const asker = new Asker(target, tokenOf(tokens[i] ?? ''), address);
    askers.push(asker);
    await asker.opened;
  });
  return askers;
}
