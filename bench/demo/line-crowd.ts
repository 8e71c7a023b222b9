/**
 * The shoppers in a line. Each comes before the bell over a socket of their own and joins; at the bell
 * they are drawn; whose turn it is holds and pays, lets the hold go, or was called away and lets the
 * turn lapse. Nobody asks twice: what changes is told to them.
 */
import { WebSocket } from 'ws';
import { localAddresses } from '../client/connection.ts';
import { each } from './gather.ts';
import type { Progress } from './gather.ts';
import type { OwnershipCheck } from './ownership.ts';
import { payBody } from './requests.ts';
import type { ServerClock } from './shop.ts';
import type { CrowdState, Tally } from './tally.ts';

interface Shopper {
  readonly index: number;
  readonly token: string;
  socket: WebSocket | null;
  state: CrowdState;
  sentAt: number;
  number: number | null;
  order: string | null;
  ready: (() => void) | null;
}

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly ok?: boolean;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly problem?: { readonly code: string; readonly retry_after_ms?: number };
}

export interface Sale {
  readonly id: string;
  /** Milliseconds of the server's clock. */
  readonly startsAt: number;
  readonly check: OwnershipCheck;
}

/** What a tick tells everybody. */
export interface Tick {
  readonly serving: number | null;
  readonly cut_line: number | null;
  readonly waiting: number | null;
  readonly chain: string | null;
}

const openAtOnce = 64;
const joinAtOnce = 512;
const busyStates = ['in_line', 'striking', 'holding'] as const;
/** One in so many is called away when the turn comes. */
const awayEvery = 40;
const askAgainMs = 250;
const patienceToOpenMs = 20_000;
const between = (low: number, high: number): number => low + Math.random() * (high - low);

/** A UUID for each command of a shopper: asked again it is the same command. */
const idOf = (what: 'join' | 'hold' | 'pay', index: number): string => {
  const kind = { join: '8001', hold: '8002', pay: '8003' }[what];
  return `00000000-0000-4000-${kind}-${index.toString(16).padStart(12, '0')}`;
};

export class LineCrowd {
  tick: Tick | null = null;
  numbered = 0;
  readonly #payShare: number;
  readonly #url: string;
  readonly #clock: ServerClock;
  readonly #tally: Tally;
  #sale: Sale | null = null;
  readonly #shoppers: Shopper[];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #units: number;
  #over = false;

  constructor(
    wishes: { host: string; units: number; payShare: number },
    tokens: readonly string[],
    parts: { clock: ServerClock; tally: Tally },
  ) {
    this.#payShare = wishes.payShare;
    this.#units = wishes.units;
    this.#url = `ws://${wishes.host}/v1/socket`;
    this.#clock = parts.clock;
    this.#tally = parts.tally;
    this.#shoppers = tokens.map((token, index) => {
      const started = { socket: null, sentAt: 0, number: null, order: null, ready: null };
      return { index, token, state: 'waiting', ...started };
    });
  }

  /** True once nobody waits for anything any more. */
  get isDone(): boolean {
    return busyStates.every((state) => this.#tally.in(state) === 0);
  }

  /** Everybody comes; one who cannot now goes on trying. */
  gather(progress: Progress): Promise<void> {
    return this.#everybody(openAtOnce, progress, (shopper) => {
      this.#open(shopper);
    });
  }

  /** Everybody joins. */
  join(sale: Sale, progress: Progress): Promise<void> {
    this.#sale = sale;
    return this.#everybody(joinAtOnce, progress, (shopper) => {
      this.#join(shopper);
    });
  }

  async #everybody(width: number, progress: Progress, act: (shopper: Shopper) => void) {
    let done = 0;
    await each(this.#shoppers.length, width, async (i) => {
      const shopper = this.#shoppers[i];
      if (shopper === undefined) return;
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, patienceToOpenMs);
        shopper.ready = () => {
          clearTimeout(late);
          resolve();
        };
        act(shopper);
      });
      progress(++done, this.#shoppers.length);
    });
  }

  #join(shopper: Shopper): void {
    const sale = this.#sale?.id;
    if (sale === undefined) return;
    // One of them watches for all: everybody would be told the same.
    if (shopper.index === 0) this.#send(shopper, { type: 'subscribe', sale });
    this.#ask(shopper, 'join', { sale });
  }

  end(): void {
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { socket } of this.#shoppers) socket?.terminate();
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#over) act();
    }, ms);
    this.#timers.add(timer);
  }

  #move(shopper: Shopper, to: CrowdState): void {
    this.#tally.move(shopper.state, to);
    shopper.state = to;
  }

  #open(shopper: Shopper): void {
    const localAddress = localAddresses[shopper.index % localAddresses.length];
    const socket = new WebSocket(this.#url, ['highnoon.v1.json'], {
      perMessageDeflate: false,
      skipUTF8Validation: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    shopper.socket = socket;
    socket.on('open', () => {
      this.#send(shopper, { type: 'hello', token: shopper.token });
      this.#join(shopper);
    });
    socket.on('message', (data: Buffer) => {
      if (!this.#over) this.#take(shopper, JSON.parse(data.toString()) as Message);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#over) return;
      this.#tally.failures++;
      this.#later(between(askAgainMs, askAgainMs * 4), () => this.#open(shopper));
    });
  }

  #send(shopper: Shopper, message: object): void {
    if (shopper.socket?.readyState === WebSocket.OPEN) shopper.socket.send(JSON.stringify(message));
  }

  #ask(shopper: Shopper, type: 'join' | 'hold' | 'pay', fields: object): void {
    shopper.sentAt = performance.now();
    this.#send(shopper, { type, id: idOf(type, shopper.index), ...fields });
  }

  #take(shopper: Shopper, message: Message): void {
    if (message.type === 'tick') this.tick = message as unknown as Tick;
    else if (message.type === 'ticket') this.#onTicket(shopper, message as never);
    else if (message.type === 'outcome') this.#onOutcome(shopper, message);
    else if (message.type === 'welcome' && this.#sale === null) shopper.ready?.();
  }

  #onOutcome(shopper: Shopper, { id, ok, result, problem }: Message): void {
    this.#tally.answers++;
    if (ok !== true || result === undefined) {
      this.#onRefused(shopper, id ?? '', problem ?? { code: 'none' });
      return;
    }
    if (id === idOf('join', shopper.index)) this.#onJoined(shopper, result as never);
    else if (id === idOf('hold', shopper.index)) this.#onHeld(shopper, result as never);
    else if (id === idOf('pay', shopper.index)) this.#onPaid(shopper, result as never);
  }

  #onRefused(shopper: Shopper, id: string, problem: NonNullable<Message['problem']>): void {
    this.#tally.refuse(problem.code);
    const wait = problem.retry_after_ms;
    if (wait !== undefined) {
      this.#later(wait + between(0, askAgainMs), () => this.#again(shopper, id));
    } else if (shopper.state !== 'paid') {
      if (id === idOf('pay', shopper.index)) this.#tally.tooLate++;
      this.#move(shopper, 'gone');
      shopper.ready?.();
    }
  }

  #again(shopper: Shopper, id: string): void {
    if (id === idOf('join', shopper.index)) this.#join(shopper);
    else if (id === idOf('hold', shopper.index)) this.#hold(shopper);
    else this.#pay(shopper);
  }

  /** Also after a cut: what was under way goes on. */
  #onJoined(shopper: Shopper, ticket: { state: string; number: number | null }): void {
    shopper.ready?.();
    if (shopper.state === 'waiting') this.#move(shopper, 'in_line');
    else if (shopper.state === 'striking') this.#hold(shopper);
    else if (shopper.state === 'holding') this.#pay(shopper);
    this.#onTicket(shopper, ticket);
  }

  #onTicket(shopper: Shopper, ticket: { state: string; number: number | null }): void {
    if (ticket.number !== null && shopper.number === null) {
      shopper.number = ticket.number;
      this.numbered++;
      this.#tally.firstWaveMs = this.#clock.now() - (this.#sale?.startsAt ?? 0);
    }
    if (shopper.state !== 'in_line') return;
    if (ticket.state === 'lapsed' || ticket.state === 'left') this.#move(shopper, 'gone');
    else if (ticket.state === 'admitted') {
      if (shopper.index % awayEvery === awayEvery - 1) return;
      this.#move(shopper, 'striking');
      this.#later(between(50, 500), () => this.#hold(shopper));
    }
  }

  #hold(shopper: Shopper): void {
    this.#ask(shopper, 'hold', { sale: this.#sale?.id, quantity: 1 });
  }

  #onHeld(shopper: Shopper, hold: Readonly<Record<string, string>> & { units: never }): void {
    if (shopper.state !== 'striking') return;
    this.#tally.holds++;
    this.#tally.holdMs.add(performance.now() - shopper.sentAt);
    const order = hold['id'] ?? '';
    shopper.order = order;
    this.#sale?.check.held({
      order,
      shopper: `number ${shopper.number ?? '?'}`,
      units: hold.units,
      at: Date.parse(hold['server_time'] ?? ''),
      deadline: Date.parse(hold['hold_expires_at'] ?? ''),
    });
    // Who comes for what others let go pays.
    const pays = this.#tally.holds > this.#units || Math.random() < this.#payShare;
    this.#move(shopper, pays ? 'holding' : 'let_go');
    if (pays) this.#later(between(600, 2600), () => this.#pay(shopper));
  }

  #pay(shopper: Shopper): void {
    this.#ask(shopper, 'pay', { order: shopper.order, ...payBody(shopper.index) });
  }

  #onPaid(shopper: Shopper, order: { units: readonly number[] }): void {
    if (shopper.state !== 'holding') return;
    this.#tally.payMs.add(performance.now() - shopper.sentAt);
    this.#sale?.check.paid(shopper.order ?? '', order.units);
    this.#move(shopper, 'paid');
  }
}
