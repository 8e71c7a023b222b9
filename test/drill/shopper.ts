/**
 * One shopper after another, as they come: hold, then pay, release, or let the hold end; some ask
 * the same thing twice, some look. Checks on the spot what an answer must be.
 */
import { randomUUID } from 'node:crypto';
import { wordOf, type Answer, type Call } from './client.ts';
import type { Asked, History, KnownLine, KnownOrder, Verb } from './history.ts';
import type { Surroundings } from './around.ts';
import { lineUp } from './line.ts';
import { turnSeconds, type OpenSale } from './vendor.ts';

export interface HoldBody {
  readonly quantity: number;
  readonly product_id: string;
}

export interface CheckoutBody {
  readonly lines: readonly HoldBody[];
  readonly email: string;
  readonly address: object;
}

/** A line as an answer shows it. */
interface ShownLine {
  readonly product_id: string;
  readonly sale_id: string;
  readonly units: readonly number[];
}

const ofHolds = [
  'sold_out',
  'limit_reached',
  'rate_limited',
  'sale_not_started',
  'sale_paused',
  'sale_ended',
  'not_admitted',
];

/** Refusals that each command may meet. */
const refusals: Readonly<Record<Verb, ReadonlySet<string>>> = {
  hold: new Set(ofHolds),
  // `unsupported`: their sales are decided by different lanes.
  checkout: new Set([...ofHolds, 'unsupported', 'lines_refused']),
  pay: new Set(['hold_expired', 'illegal_transition', 'settling']),
  // `unsupported`: what is paid cannot be cancelled.
  release: new Set(['illegal_transition', 'settling', 'unsupported']),
};

const address = {
  name: 'Ann Ash',
  line1: '1 High Street',
  city: 'Noonville',
  postal_code: '10115',
  country: 'DE',
};
const payBody = { method: { type: 'test' }, email: 'ann@example.org', address };

const paths: Readonly<Record<Verb, (c: Pick<Asked, 'sale' | 'order'>) => string>> = {
  hold: ({ sale }) => `/v1/sales/${sale}/holds`,
  checkout: () => '/v1/checkout',
  pay: ({ order }) => `/v1/orders/${order}/pay`,
  release: ({ order }) => `/v1/orders/${order}`,
};

const callOf = ({ accounts }: Surroundings, asked: Asked): Call => ({
  method: asked.verb === 'release' ? 'DELETE' : 'POST',
  path: paths[asked.verb](asked),
  token: accounts[asked.shopper]?.token ?? '',
  key: asked.key,
  ...(asked.body === null ? {} : { body: asked.body }),
});

/** Whether it may be refused so; of an order, each of its lines. */
function isExpected(verb: Verb, answer: Answer): boolean {
  const errors = (answer.json['errors'] ?? []) as readonly { readonly code: string }[];
  const codes = [wordOf(answer, 'code'), ...errors.map(({ code }) => code)];
  return codes.every((code) => refusals[verb].has(code));
}

/** Asks a command (again) and writes down what came of it. */
export async function askCommand(
  around: Surroundings,
  asked: Asked,
  patience?: number,
): Promise<Answer | null> {
  const { client, history } = around;
  const { verb } = asked;
  // The same key is also sent twice at once: a refusal may be decided before what was accepted, and
  // come after it.
  const acceptedBefore = asked.said !== '';
  const told = await client.ask(callOf(around, asked), patience);
  const { answer } = told;
  asked.tries += told.tries;
  asked.unavailable += told.unavailable;
  asked.silent += told.silent;
  if (asked.feltFrom === 0) asked.feltFrom = told.feltFrom;
  if (told.feltUntil > 0) asked.feltUntil = told.feltUntil;
  asked.answeredAt = Date.now();
  asked.status = answer?.status ?? 0;
  asked.code = wordOf(answer, 'code');
  if (told.unavailable > 0) history.seen.unavailable += 1;
  if (answer === null) {
    history.seen.unknown += 1;
    return null;
  }
  const isOk = answer.status < 300;
  if (isOk || asked.outcome !== 'ok') asked.outcome = isOk ? 'ok' : 'refused';
  if (answer.replayed) history.seen.replayed += 1;
  if (asked.code === 'sold_out') history.seen.sold_out += 1;
  if (asked.code === 'limit_reached') history.seen.limit += 1;
  if (asked.code === 'not_admitted') history.seen.not_admitted += 1;
  if (verb === 'checkout' && !isOk) history.seen.several_refused += 1;
  if (verb === 'pay' && asked.code === 'hold_expired') history.seen.expired_race += 1;
  if (isOk) {
    learn(around, asked, answer);
    if (history.orders.get(asked.order)?.lines !== undefined) {
      history.seen[verb === 'checkout' ? 'several' : 'several_ended'] += 1;
    }
    history.accept(asked, answer.text);
  } else if (acceptedBefore || !isExpected(verb, answer)) {
    const about = asked.order === '' ? [asked.sale, asked.key].join(' ') : asked.order;
    const rule = acceptedBefore ? 'I7: accepted, then ' : '';
    history.blame(`${rule}${verb} of ${about}: ${asked.status} ${asked.code}`, asked.order, verb);
    asked.untrue = true;
  }
  return answer;
}

function learn({ history }: Surroundings, asked: Asked, answer: Answer): void {
  const { verb, shopper } = asked;
  const id = wordOf(answer, 'id');
  const units = answer.json['units'] as readonly number[];
  const known = history.orders.get(id);
  if (verb === 'hold' || verb === 'checkout') {
    asked.order = id;
    const { amount } = answer.json['amount'] as { readonly amount: number };
    const { quantity, lines, ...place } = placeOf(asked, answer);
    if (units.length !== quantity) {
      history.blame(`${id}: asked for ${quantity}, got ${units.join()}`);
    }
    for (const one of lines ?? []) history.linesIn.add(one.sale);
    if (known === undefined) {
      const ends = { payAsked: false, releaseAsked: false, end: null };
      const times = { askedAt: asked.startedAt, answeredAt: Date.now() };
      const several = lines === undefined ? {} : { lines };
      history.orders.set(id, {
        id,
        ...place,
        shopper,
        units,
        amount,
        ...several,
        ...times,
        ...ends,
      });
    } else if (known.units.join() !== units.join() || known.amount !== amount) {
      history.blame(`${id}: replayed with ${units.join()}, first ${known.units.join()}`, id, verb);
    }
    return;
  }
  const end = verb === 'pay' ? 'paid' : 'released';
  if (known === undefined || id !== asked.order) {
    history.blame(`${asked.order}: ${verb} was answered for ${id}`);
    return;
  }
  if (known.units.join() !== units.join()) {
    history.blame(`${id}: held ${known.units.join()}, ${end} with ${units.join()}`, id, 'hold');
  }
  if (known.end !== null && known.end !== end) {
    history.blame(`${id}: ${known.end}, then ${end}`, id);
  }
  known.end = end;
}

/** Where an order was held: as it was asked for, or, of one with several lines, as it was answered. */
function placeOf(
  { verb, sale, body }: Asked,
  answer: Answer,
): Pick<KnownOrder, 'sale' | 'product' | 'lines'> & { readonly quantity: number } {
  if (verb === 'hold') {
    const { quantity, product_id: product } = body as HoldBody;
    return { sale, product, quantity };
  }
  const lines = (answer.json['lines'] as readonly ShownLine[]).map(
    ({ product_id: product, sale_id, units }): KnownLine => ({ sale: sale_id, product, units }),
  );
  const wanted = (body as CheckoutBody).lines;
  const quantity = wanted.reduce((sum, one) => sum + one.quantity, 0);
  const [first] = lines;
  return { sale: first?.sale ?? '', product: first?.product ?? '', lines, quantity };
}

function newCommand(
  around: Surroundings,
  command: Pick<Asked, 'verb' | 'sale' | 'shopper' | 'order' | 'body' | 'probe'>,
): Asked {
  const asked: Asked = {
    ...command,
    key: randomUUID(),
    startedAt: Date.now(),
    outcome: 'unknown',
    answeredAt: 0,
    tries: 0,
    unavailable: 0,
    silent: 0,
    feltFrom: 0,
    feltUntil: 0,
    said: '',
    status: 0,
    code: '',
  };
  around.history.commands.push(asked);
  return asked;
}

const more = ({ product_id, quantity }: HoldBody): HoldBody => ({
  product_id,
  quantity: quantity + 1,
});

/** All is well, and who asks again is told nothing. */
export function blameSilence(history: History, { verb, order }: Asked): void {
  history.blame(`I7: no answer to a repeat: ${verb} of ${order}`, order, verb);
}

/** The key of an accepted hold or checkout with another body is refused. */
export async function refusesAnother(around: Surroundings, asked: Asked): Promise<void> {
  const checkout = asked.body as CheckoutBody;
  const body =
    asked.verb === 'hold'
      ? more(asked.body as HoldBody)
      : { ...checkout, lines: checkout.lines.map(more) };
  const { answer } = await around.client.ask({ ...callOf(around, asked), body });
  if (answer?.status === 422) return;
  if (answer === null) {
    blameSilence(around.history, asked);
    return;
  }
  const what = `I7: ${asked.order}: another body got ${answer.status}`;
  around.history.blame(what, asked.order, asked.verb);
}

/**
 * What a shopper was told last must not be denied by what they read next. Who gets no answer reads
 * again when all is well.
 */
export async function look(
  around: Surroundings,
  order: KnownOrder,
  patience?: number,
): Promise<void> {
  const { client, accounts, history } = around;
  const endBefore = order.end;
  const token = accounts[order.shopper]?.token ?? '';
  const call = { method: 'GET', path: `/v1/orders/${order.id}`, token } as const;
  const { answer } = await client.ask(call, patience);
  if (answer === null) {
    history.unread.add(order);
    return;
  }
  const state = wordOf(answer, 'state');
  if (answer.status !== 200) {
    history.blame(`${order.id}: read as ${answer.status}`, order.id, 'hold');
  } else history.read(order, endBefore, state);
}

async function end(
  around: Surroundings,
  order: KnownOrder,
  verb: 'pay' | 'release',
): Promise<void> {
  const { id, sale, shopper } = order;
  if (verb === 'pay') order.payAsked = true;
  else order.releaseAsked = true;
  const body = verb === 'pay' ? payBody : null;
  const asked = newCommand(around, { verb, sale, shopper, order: id, body });
  await askCommand(around, asked);
  if (asked.outcome === 'ok' && around.rng.chance(0.2)) await askCommand(around, asked);
}

/** One try of one hold. A 503, or no answer, leaves it unknown: it is asked again when all is well. */
export async function tryOnce(around: Surroundings, sale: OpenSale): Promise<Asked> {
  const { rng, accounts } = around;
  const shopper = rng.whole(0, accounts.length - 1);
  const body = { quantity: 1, product_id: rng.pick(sale.products) };
  const command = { verb: 'hold', sale: sale.id, shopper, order: '', body, probe: true } as const;
  const asked = newCommand(around, command);
  await askCommand(around, asked, 0);
  return asked;
}

/** One visit of one of these sales. */
export async function visit(around: Surroundings, sales: readonly OpenSale[]): Promise<void> {
  const { rng, accounts } = around;
  if (sales.length === 0) return;
  const { id: sale, products, hasLine } = rng.pick(sales);
  const shopper = rng.whole(0, accounts.length - 1);
  // Some try without a turn, and some come too late for theirs.
  if (hasLine && !rng.chance(0.1)) {
    if (!(await lineUp(around, sale, shopper))) return;
    if (rng.chance(0.1)) await new Promise((resolve) => setTimeout(resolve, turnSeconds * 1000));
  }
  const body = { quantity: rng.chance(0.8) ? 1 : 2, product_id: rng.pick(products) };
  await buy(around, newCommand(around, { verb: 'hold', sale, shopper, order: '', body }));
}

/** Several products in one order: all held or none. */
export async function visitSeveral(
  around: Surroundings,
  products: readonly string[],
): Promise<void> {
  const { rng, accounts } = around;
  const shopper = rng.whole(0, accounts.length - 1);
  const first = rng.whole(0, products.length - 1);
  const second = (first + rng.whole(1, products.length - 1)) % products.length;
  const lines = [first, second].map((i) => ({
    product_id: products[i],
    quantity: rng.whole(1, 2),
  }));
  const { email, address: to } = payBody;
  const body = { lines, email, address: to };
  await buy(around, newCommand(around, { verb: 'checkout', sale: '', shopper, order: '', body }));
}

/** Asks for a hold, and does with it what shoppers do. */
async function buy(around: Surroundings, asked: Asked): Promise<void> {
  const { rng, history } = around;
  // Now and then the same key comes twice at once: one effect, and both get its answer.
  const [answer = null] = await Promise.all(
    Array.from({ length: rng.chance(0.1) ? 2 : 1 }, () => askCommand(around, asked)),
  );
  if (asked.outcome !== 'ok') return;
  if (rng.chance(0.2)) await askCommand(around, asked);
  const order = history.orders.get(wordOf(answer, 'id'));
  if (order === undefined) return;
  if (rng.chance(0.2)) await look(around, order);
  const fate = rng.next();
  if (fate < 0.6) await end(around, order, 'pay');
  else if (fate < 0.8) await end(around, order, 'release');
  if (rng.chance(0.3)) await look(around, order);
}
