/**
 * A crowd that waits: one socket for each, which watches a sale and has a place in its line. It says
 * when what is told to everybody has reached the last of them.
 */
import { localAddresses, targetOf } from '../client/connection.ts';
import type { Target } from '../client/connection.ts';
import { textFrame } from '../client/web-socket.ts';
import type { CrowdSettings, CutSeen, NumbersSeen, TickSeen } from './calls.ts';
import { Waiter } from './waiter.ts';
import type { WaiterOwner } from './waiter.ts';

/** Opening, and joining, at the same time. */
const openAtOnce = 64;
const joinAtOnce = 512;
const patienceMs = 60_000;
/** As the live page comes back: after a half to a whole of it, doubled with each try. */
const retryMinMs = 500;
const retryMaxMs = 10_000;
const versionPattern = /"version":(\d+)/;
const timePattern = /"server_time":"([^"]+)"/;

const now = (): number => performance.timeOrigin + performance.now();

interface Tick {
  readonly firstAt: number;
  readonly serverAt: number;
  reached: number;
}

/** What is waited for: so many of them have done it. */
class Wait {
  readonly done: Promise<void>;
  #left: number;
  #resolve: () => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(what: string, count: number) {
    this.#left = count;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = setTimeout(() => {
      this.fail(`${what}: ${this.#left} of ${count} are not there after ${patienceMs / 1000} s`);
    }, patienceMs);
  }

  one(): void {
    this.#left -= 1;
    if (this.#left > 0) return;
    clearTimeout(this.#timer);
    this.#resolve();
  }

  fail(why: string): void {
    clearTimeout(this.#timer);
    this.#reject(new Error(why));
  }
}

export class Crowd implements WaiterOwner {
  readonly #target: Target;
  readonly #waiters: readonly Waiter[];
  /** Called with each waiter that is through with what all of them do now. */
  #through: (waiter: Waiter) => void = () => undefined;
  #wait: Wait | null = null;
  #ticking: Wait | null = null;
  #numbering: Wait | null = null;
  readonly #ticks = new Map<string, Tick>();
  #ticksSeen: TickSeen[] = [];
  #numbersAt: number[] = [];
  /** While they come back; null = a connection that ends is a fault. */
  #cut: { replayed: number; snapshots: number; errors: number; firstError: string } | null = null;
  readonly #tries: Uint8Array;
  #over = false;

  constructor({ url, tokens }: CrowdSettings) {
    this.#target = targetOf(url);
    this.#waiters = tokens.map((token, i) => new Waiter(i, token, this));
    this.#tries = new Uint8Array(tokens.length);
  }

  async open(): Promise<null> {
    await this.#everybody('open', openAtOnce, (waiter) => this.#connect(waiter));
    return null;
  }

  async join(sale: string): Promise<null> {
    const watch = textFrame(JSON.stringify({ type: 'subscribe', sale }));
    await this.#everybody('join', joinAtOnce, (waiter) => {
      const own = waiter.index.toString(16).padStart(12, '0');
      const id = `00000000-0000-4000-8001-${own}`;
      waiter.send(watch);
      waiter.send(textFrame(JSON.stringify({ type: 'join', id, sale })));
    });
    return null;
  }

  async ticks(count: number): Promise<readonly TickSeen[]> {
    this.#ticks.clear();
    this.#ticksSeen = [];
    this.#ticking = new Wait('ticks', count);
    await this.#ticking.done;
    this.#ticking = null;
    return this.#ticksSeen.slice(0, count);
  }

  async numbers(): Promise<NumbersSeen> {
    const missing = this.#waiters.length - this.#numbersAt.length;
    if (missing > 0) {
      this.#numbering = new Wait('numbers', missing);
      await this.#numbering.done;
    }
    const at = this.#numbersAt;
    const half = at[Math.floor(at.length / 2)] ?? 0;
    return { firstAt: at[0] ?? 0, halfAt: half, lastAt: at.at(-1) ?? 0 };
  }

  /** They come back by themselves, each after a wait of its own. */
  async cut(): Promise<CutSeen> {
    const seen = (this.#cut = { replayed: 0, snapshots: 0, errors: 0, firstError: '' });
    const from = performance.now();
    this.#wait = new Wait('come back', this.#waiters.length);
    this.#tries.fill(0);
    for (const waiter of this.#waiters) waiter.cut();
    for (const waiter of this.#waiters) this.#connectLater(waiter);
    await this.#wait.done;
    this.#cut = null;
    return { ms: performance.now() - from, ...seen };
  }

  end(): null {
    this.#over = true;
    for (const waiter of this.#waiters) waiter.cut();
    return null;
  }

  /** So many at a time, each until it is through. */
  async #everybody(what: string, width: number, act: (waiter: Waiter) => void): Promise<void> {
    const wait = (this.#wait = new Wait(what, this.#waiters.length));
    let next = 0;
    const start = (): void => {
      const waiter = this.#waiters[next++];
      if (waiter !== undefined) act(waiter);
    };
    this.#through = () => {
      wait.one();
      start();
    };
    for (let i = 0; i < width; i++) start();
    await wait.done;
    this.#through = () => undefined;
  }

  #connect(waiter: Waiter): void {
    if (this.#over) return;
    waiter.open(this.#target, localAddresses[waiter.index % localAddresses.length]);
  }

  #connectLater(waiter: Waiter): void {
    const tries = this.#tries[waiter.index] ?? 0;
    const grown = Math.min(retryMinMs * 2 ** tries, retryMaxMs);
    this.#tries[waiter.index] = tries + 1;
    setTimeout(() => this.#connect(waiter), grown * (0.5 + Math.random() / 2));
  }

  welcomed(waiter: Waiter, resumed: string | false): void {
    if (this.#cut === null) this.#through(waiter);
    else if (resumed === 'replay') this.#cut.replayed += 1;
    else if (resumed === 'snapshot') this.#cut.snapshots += 1;
    else this.#wrong('a new session');
  }

  /** Who comes back is back with the place. */
  shown(waiter: Waiter, number: number | null): void {
    if (this.#cut === null) return;
    if (number !== waiter.number) this.#wrong(`${number} in place of ${waiter.number}`);
    this.#wait?.one();
  }

  outcome(waiter: Waiter, ok: boolean, text: string): void {
    if (this.#cut !== null) {
      if (!ok) this.#wrong(text);
    } else if (ok) this.#through(waiter);
    else this.#wait?.fail(text);
  }

  numbered(): void {
    this.#numbersAt.push(now());
    this.#numbering?.one();
  }

  tick(bytes: Buffer): void {
    const text = bytes.toString('latin1');
    const version = versionPattern.exec(text)?.[1] ?? '';
    let tick = this.#ticks.get(version);
    if (tick === undefined) {
      const serverAt = Date.parse(timePattern.exec(text)?.[1] ?? '');
      tick = { firstAt: now(), serverAt, reached: 0 };
      this.#ticks.set(version, tick);
    }
    if (++tick.reached < this.#waiters.length) return;
    this.#ticks.delete(version);
    const at = now();
    this.#ticksSeen.push({ lastMs: at - tick.serverAt, spreadMs: at - tick.firstAt });
    this.#ticking?.one();
  }

  lost(waiter: Waiter, why: string): void {
    if (this.#over) return;
    if (this.#cut === null) {
      for (const wait of [this.#wait, this.#ticking, this.#numbering]) wait?.fail(why);
      return;
    }
    this.#wrong(why);
    this.#connectLater(waiter);
  }

  #wrong(why: string): void {
    if (this.#cut === null) return;
    if (this.#cut.errors === 0) this.#cut.firstError = why.slice(0, 300);
    this.#cut.errors += 1;
  }
}
