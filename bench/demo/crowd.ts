/**
 * The shoppers. Each has a token, a prebuilt request with a key of its own, and a connection; all
 * strike when the server's clock says noon. Winners pay after a human pause or let their hold
 * expire; some of those who were told that units may return come back for them.
 */
import type { Connection } from '../client/connection.ts';
import type { Reply } from '../client/reply.ts';
import type { OwnershipCheck } from './ownership.ts';
import { holdText, payText } from './requests.ts';
import type { Plan } from './requests.ts';
import type { ServerClock } from './shop.ts';
import type { CrowdState, Tally } from './tally.ts';

interface Shopper {
  readonly number: number;
  readonly token: string;
  readonly text: string;
  readonly connection: Connection;
  state: CrowdState;
  sentAt: number;
  answered: boolean;
  returned: boolean;
}

interface Hold {
  readonly id: string;
  readonly units: number[];
  readonly hold_expires_at: string;
  readonly server_time: string;
}

const busyStates = ['waiting', 'striking', 'holding', 'hoping'] as const;
const chunk = 256;
/** One in a hundred cannot wait: the bell has to hold against them. */
const eagerEvery = 100;
const eagerMs = 400;
const askAgainMs = 200;
const tooEarlyMs = 20;
const between = (low: number, high: number): number => low + Math.random() * (high - low);
const payPauseMs = (): number => between(600, 2600);
const comeBackMs = (): number => between(1500, 4500);
const codePattern = /"code":"(\w+)"/;
const waitPattern = /"retry_after_ms":(\d+)/;

export class Crowd {
  readonly #plan: Plan;
  readonly #clock: ServerClock;
  readonly #tally: Tally;
  readonly #check: OwnershipCheck;
  readonly #shoppers: Shopper[];
  readonly #timers = new Set<NodeJS.Timeout>();
  #over = false;
  #answeredOnce = 0;
  #struckAt = 0;

  constructor(
    plan: Plan,
    tokens: readonly string[],
    connections: readonly Connection[],
    parts: { clock: ServerClock; tally: Tally; check: OwnershipCheck },
  ) {
    this.#plan = plan;
    this.#clock = parts.clock;
    this.#tally = parts.tally;
    this.#check = parts.check;
    this.#shoppers = tokens.map((token, number) => {
      const connection = connections[number % connections.length];
      if (connection === undefined) throw new Error('a crowd needs connections');
      const text = holdText(plan, token, number);
      const started = { sentAt: 0, answered: false, returned: false };
      return { number, token, text, connection, state: 'waiting', ...started };
    });
  }

  /** True once nobody wants anything any more. */
  get isDone(): boolean {
    return busyStates.every((state) => this.#tally.in(state) === 0);
  }

  /** Answers when everybody has struck. */
  async strike(): Promise<void> {
    const eager = this.#shoppers.filter(({ number }) => number % eagerEvery === eagerEvery - 1);
    for (const shopper of eager) {
      this.#later(this.#untilBell() - between(0, eagerMs), () => this.#hold(shopper));
    }
    while (this.#untilBell() > 0) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(50, this.#untilBell())));
    }
    this.#struckAt = performance.now();
    let sent = 0;
    for (const shopper of this.#shoppers) {
      if (shopper.state === 'waiting') this.#hold(shopper);
      if (++sent % chunk === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Nobody comes back any more. */
  end(): void {
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { connection } of this.#shoppers) connection.close();
  }

  #untilBell(): number {
    return this.#plan.startsAt - this.#clock.now();
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

  #hold(shopper: Shopper): void {
    this.#move(shopper, 'striking');
    shopper.sentAt = performance.now();
    shopper.connection.send(shopper.text, (reply) => {
      if (!this.#over) this.#onHold(shopper, reply);
    });
  }

  #onHold(shopper: Shopper, reply: Reply | null): void {
    if (reply === null) {
      this.#tally.failures++;
      this.#later(askAgainMs, () => this.#hold(shopper));
      return;
    }
    this.#tally.answers++;
    this.#tally.holdMs.add(performance.now() - shopper.sentAt);
    if (reply.status === 201) {
      this.#firstAnswer(shopper);
      this.#onWon(shopper, JSON.parse(reply.body) as Hold);
    } else {
      this.#onRefused(shopper, reply);
    }
  }

  #onRefused(shopper: Shopper, { status, body }: Reply): void {
    const code = codePattern.exec(body)?.[1] ?? `http_${status}`;
    const wait = waitPattern.exec(body);
    this.#tally.refuse(code);
    if (code === 'sale_not_started') {
      const early = Math.max(this.#untilBell(), 0) + between(0, tooEarlyMs);
      this.#later(early, () => this.#hold(shopper));
      return;
    }
    if (wait !== null) {
      this.#later(Number(wait[1]) + between(0, askAgainMs), () => this.#hold(shopper));
      return;
    }
    this.#firstAnswer(shopper);
    const hopes = shopper.returned || Math.random() < this.#plan.hopeShare;
    if (hopes && body.includes('"may_return":true')) {
      shopper.returned = true;
      this.#move(shopper, 'hoping');
      this.#later(comeBackMs(), () => this.#hold(shopper));
    } else {
      this.#move(shopper, 'gone');
    }
  }

  #firstAnswer(shopper: Shopper): void {
    if (shopper.answered) return;
    shopper.answered = true;
    if (++this.#answeredOnce === this.#shoppers.length) {
      this.#tally.firstWaveMs = performance.now() - this.#struckAt;
    }
  }

  #onWon(shopper: Shopper, hold: Hold): void {
    this.#tally.holds++;
    const deadline = Date.parse(hold.hold_expires_at);
    const at = Date.parse(hold.server_time);
    const { id: order, units } = hold;
    this.#check.held({ order, shopper: `shopper ${shopper.number}`, units, at, deadline });
    if (shopper.returned || Math.random() < this.#plan.payShare) {
      this.#move(shopper, 'holding');
      this.#later(payPauseMs(), () => this.#pay(shopper, hold));
    } else {
      this.#move(shopper, 'let_go');
    }
  }

  #pay(shopper: Shopper, hold: Hold): void {
    const sentAt = performance.now();
    shopper.connection.send(payText(this.#plan, shopper, hold.id), (reply) => {
      if (this.#over) return;
      if (reply === null) this.#tally.failures++;
      else this.#tally.payMs.add(performance.now() - sentAt);
      if (reply === null || reply.status === 503) {
        this.#later(askAgainMs, () => this.#pay(shopper, hold));
      } else if (reply.status === 200) {
        const { units } = JSON.parse(reply.body) as Pick<Hold, 'units'>;
        this.#check.paid(hold.id, units);
        this.#move(shopper, 'paid');
      } else {
        this.#tally.refuse(codePattern.exec(reply.body)?.[1] ?? `http_${reply.status}`);
        this.#tally.tooLate++;
        this.#move(shopper, 'gone');
      }
    });
  }
}
