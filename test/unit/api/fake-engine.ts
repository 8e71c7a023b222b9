/**
 * An Engine that answers what a test says and remembers what it was asked. The engine is our own
 * interface; the stores behind it are never imitated.
 */
import type {
  CheckoutCommand,
  Engine,
  ImportJob,
  ImportedFile,
  LaneOrder,
  LaneSale,
  LineFigures,
  LineTicket,
  NewsListener,
  OrderDocument,
  Proof,
  Outcome,
  SaleTerms,
  ScheduleDocument,
  VendorProduct,
} from '../../../engine/index.ts';

export const saleId = `sal_${'0'.repeat(16)}`;
/** Has a line. */
export const linedSaleId = `sal_${'0'.repeat(15)}1`;
export const orderId = `ord_${'0'.repeat(16)}${'a'.repeat(24)}`;
export const productId = 'prd_0123456789abc';
export const vendorId = 'ven_0123456789abcdef';
export const vendorKey = `hnk_${'k'.repeat(40)}`;
export const otherKey = `hnk_${'o'.repeat(40)}`;
export const keyId = 'key_0123456789abcdef';
export const tokenSecret = 's'.repeat(64);

/** 2030-06-01T12:00:00Z */
export const noon = Date.UTC(2030, 5, 1, 12);

export const laneOrder: LaneOrder = {
  id: orderId,
  sale: saleId,
  shopper: 'ann',
  state: 'held',
  item: 0,
  product: productId,
  units: [17, 18],
  price: 9950,
  heldAt: noon,
  holdExpiresAt: noon + 300_000,
  endedAt: null,
  details: 0,
};

export const orderDocument: OrderDocument = {
  id: orderId,
  sale: saleId,
  state: 'held',
  payment: 'none',
  parcel: 'none',
  lines: [{ product: productId, sale: saleId, units: [17, 18], price: 9950 }],
  amount: 19_900,
  heldAt: noon,
  holdExpiresAt: noon + 300_000,
  timeline: [{ at: noon, type: 'held' }],
  details: null,
};

export const saleTerms: SaleTerms = {
  id: saleId,
  vendor: vendorId,
  kind: 'flash',
  state: 'live',
  items: [
    { product: productId, name: 'KUHL Laptop', allotted: 10, price: 9950, listPrice: 20_000 },
  ],
  startsAt: noon,
  endsAt: noon + 3_600_000,
  limitPerShopper: 2,
  holdSeconds: 300,
  who: 'verified',
  admission: { mode: 'open' },
  seedCommitment: `sha256:${'0'.repeat(64)}`,
  createdAt: noon - 86_400_000,
};

export const jobId = 'job_0123456789abcdef';

export const importJob: ImportJob = {
  id: jobId,
  status: 'running',
  dryRun: false,
  rows: 3,
  done: 2,
  refused: 1,
  errors: [{ row: 2, code: 'invalid_request', detail: '`name` is required' }],
  createdAt: new Date(noon),
  endedAt: null,
};

export const scheduleId = `sch_${'0'.repeat(16)}`;

/** An occurrence, announced and not yet fenced. */
export const scheduledTerms: SaleTerms = {
  ...saleTerms,
  state: 'scheduled',
  startsAt: Date.UTC(2030, 5, 2, 6, 30),
  endsAt: Date.UTC(2030, 5, 2, 7, 30),
  fencedAt: Date.UTC(2030, 5, 2, 6, 15),
  schedule: {
    id: scheduleId,
    localDate: '2030-06-02',
    localTime: '12:00',
    timeZone: 'Asia/Kolkata',
  },
  notice: { code: 'smaller_than_asked', at: '2030-06-02T06:15:00.000Z', items: [] },
};

export const scheduleDocument: ScheduleDocument = {
  id: scheduleId,
  localTime: '12:00',
  timeZone: 'Asia/Kolkata',
  dates: null,
  rrule: 'FREQ=DAILY',
  state: 'active',
  sales: [scheduledTerms],
  nextBellAt: Date.UTC(2030, 5, 9, 6, 30),
  notice: null,
  createdAt: noon,
};

export const vendorProduct: VendorProduct = {
  id: productId,
  version: 2,
  status: 'listed',
  body: { name: 'KUHL Laptop', description: '', brand: 'KUHL' },
  price: 20_000,
  supply: 30,
  remaining: 26,
  registeredAt: noon - 86_400_000,
  updatedAt: noon,
};

type CountedSale = LaneSale & {
  readonly inDoubt: { readonly count: number; readonly ageMs: number };
};

export const laneSale: CountedSale = {
  id: saleId,
  state: 'live',
  startsAt: noon,
  endsAt: noon + 3_600_000,
  items: [{ product: productId, price: 9950, allotted: 10, available: 6, held: 1, sold: 3 }],
  expired: 1,
  released: 2,
  attempts: 20,
  refused: { sold_out: 4, product_required: 2 },
  inDoubt: { count: 2, ageMs: 40 },
};

export const lineFigures: LineFigures = {
  sale: linedSaleId,
  mode: 'draw',
  state: 'live',
  bell: 5,
  numbered: true,
  joined: 40,
  waiting: 30,
  parked: 0,
  admitted: 3,
  claims: 6,
  available: 6,
  limit: 2,
  serving: 10,
  begun: 12,
  cutLine: 12,
  turnMs: 120_000,
  factorPercent: 100,
};

/** Of the sale as `linedTerms` has it. */
export const lineTicket: LineTicket = {
  id: `tkt_${'0'.repeat(16)}${'a'.repeat(24)}`,
  sale: linedSaleId,
  index: 4,
  state: 'waiting',
  number: 17,
  ahead: 6,
  turnEndsAt: null,
  receipt: null,
  known: false,
  line: lineFigures,
};

export const linedTerms: SaleTerms = {
  ...saleTerms,
  id: linedSaleId,
  admission: { mode: 'draw', rate_per_second: null, turn_seconds: 120, factor: 1 },
};

/** Pages of one piece each. */
async function* page<T>(...items: readonly T[]): AsyncGenerator<readonly T[]> {
  yield await Promise.resolve(items);
}

const proof: Proof = {
  limits: 'What it shows.',
  sale: linedSaleId,
  mode: 'draw',
  seedCommitment: `sha256:${'0'.repeat(64)}`,
  seed: '11'.repeat(32),
  beacon: '',
  beaconSource: null,
  beaconSkipped: false,
  root: '22'.repeat(32),
  entrantCount: 1,
  bellAt: noon,
  receiptKey: 'key',
  numbered: true,
  ended: false,
  entries: () => page({ position: '1-4', count: 1 }),
  entrants: () => page('33'.repeat(32)),
  numbers: () => page(1),
  units: () => Object.assign(page<never>(), { signature: () => '' }),
};

/** Whatever a test says, this sale and those that are made with a line have one. */
function isLined(name: string, first: unknown): boolean {
  if (name === 'sale') return first === linedSaleId;
  const mode = (first as { admission?: { mode?: string } } | undefined)?.admission?.mode;
  return name === 'createSale' && mode !== undefined && mode !== 'open';
}

const linedAnswer = (name: string): unknown =>
  name === 'sale' ? linedTerms : { kind: 'done', value: linedTerms, replayed: false };

export const done = <T>(value: T, replayed = false): Outcome<T> & { kind: 'done' } => ({
  kind: 'done',
  value,
  replayed,
  now: noon + 1000,
});

type Call = readonly [method: string, ...args: unknown[]];

export interface FakeEngine {
  readonly engine: Engine;
  /** Every call but those for identity and health, in order. */
  readonly calls: Call[];
  /** Answers from here on, by method; anything else answers well. */
  answers: Partial<Record<keyof Engine, unknown>>;
  /** Whether a checkout is a new one, so that the engine asks what is wanted. */
  isNewCheckout: boolean;
  /** Those who follow the lanes. */
  readonly listeners: Set<NewsListener>;
}

const good: Partial<Record<keyof Engine, unknown>> = {
  hold: done(laneOrder),
  pay: done({ ...laneOrder, state: 'paid' }),
  release: done({ ...laneOrder, state: 'released' }),
  checkout: done(laneOrder),
  order: done(orderDocument),
  orders: { items: [orderDocument], nextCursor: 'abc', asOf: noon },
  laneOrder: done(laneOrder),
  join: done(lineTicket),
  joined: null,
  leave: done({ ...lineTicket, state: 'left', ahead: null }),
  ticket: done({ ...lineTicket, ahead: null }),
  seen: undefined,
  line: done(lineFigures),
  chainHead: 'ab'.repeat(32),
  receipt: null,
  proof: { kind: 'done', value: proof },
  storeDetails: done({ ...laneOrder, details: 1 }),
  detailsAsked: null,
  createSale: { kind: 'done', value: saleTerms, replayed: false },
  createSchedule: {
    kind: 'done',
    value: { id: scheduleId, sales: [scheduledTerms] },
    replayed: false,
  },
  schedule: scheduleDocument,
  schedules: { items: [scheduleDocument], nextCursor: 'abc' },
  endSchedule: {
    kind: 'done',
    value: { ...scheduleDocument, state: 'cancelled' },
    replayed: false,
  },
  changeSale: { kind: 'done', value: saleTerms, replayed: false },
  cancelSale: { kind: 'done', value: { ...saleTerms, state: 'cancelled' }, replayed: false },
  sale: saleTerms,
  laneSale: done(laneSale),
  sales: { items: [saleTerms], nextCursor: null, stale: false },
  pauseSale: { kind: 'done', value: { ...saleTerms, state: 'paused' }, replayed: false },
  resumeSale: { kind: 'done', value: saleTerms, replayed: false },
  closeSale: { kind: 'done', value: { ...saleTerms, state: 'closing' }, replayed: false },
  topUp: { kind: 'done', value: saleTerms, replayed: false },
  createVendor: { kind: 'done', value: { id: vendorId, key: vendorKey, keyId }, replayed: false },
  createKey: { id: keyId, key: vendorKey },
  keys: [{ id: keyId, hint: 'kkkk', createdAt: noon, revokedAt: null }],
  revokeKey: true,
  register: {
    kind: 'done',
    value: { id: productId, status: 'accepted', reason: null },
    replayed: false,
  },
  registration: { id: productId, status: 'listed', reason: null },
  importProducts: { kind: 'done', value: { id: jobId }, replayed: false },
  importJob,
  changeProduct: { kind: 'done', value: vendorProduct, replayed: false },
  withdrawProduct: {
    kind: 'done',
    value: { ...vendorProduct, status: 'withdrawn' },
    replayed: false,
  },
  products: { items: [vendorProduct], nextCursor: 'abc' },
};

const byCallback = new Set(['hold', 'pay', 'release']);

export function fakeEngine(): FakeEngine {
  const calls: Call[] = [];
  const fake: FakeEngine = {
    engine: {} as Engine,
    calls,
    answers: {},
    isNewCheckout: false,
    listeners: new Set(),
  };
  const methods: Record<string, unknown> = {
    currency: 'USD',
    tokenSecret,
    lanesNotReady: () => fake.answers.lanesNotReady ?? [],
    follow: (listener: NewsListener) => {
      fake.listeners.add(listener);
      return () => fake.listeners.delete(listener);
    },
    async *waitingIn() {
      await Promise.resolve();
      yield [];
    },
    probePostgres: () => Promise.resolve(),
    probeRedis: () => Promise.resolve(),
    vendorOfKey: (key: string) => {
      const { vendorOfKey: away } = fake.answers;
      if (away instanceof Error) return Promise.reject(away);
      return Promise.resolve(key === vendorKey ? vendorId : key === otherKey ? 'ven_other' : null);
    },
    close: () => Promise.resolve(),
  };
  for (const name of Object.keys(good) as (keyof Engine)[]) {
    methods[name] = (...args: unknown[]) => {
      const usual = name in fake.answers ? fake.answers[name] : good[name];
      const answer = isLined(name, args[0]) ? linedAnswer(name) : usual;
      if (byCallback.has(name)) {
        calls.push([name, ...args.slice(0, -1)]);
        const callback = args.at(-1) as (outcome: unknown) => void;
        setImmediate(() => {
          callback(answer);
        });
        return undefined;
      }
      calls.push([name, ...args]);
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    };
  }
  const answerImport = methods['importProducts'] as (...args: unknown[]) => Promise<unknown>;
  methods['importProducts'] = async (vendor: string, { readBody, ...file }: ImportedFile) => {
    const pieces: string[] = [];
    await readBody(64 * 1024, (piece) => Promise.resolve(void pieces.push(piece.toString())));
    return answerImport(vendor, { ...file, text: pieces.join('') });
  };
  const answerCheckout = methods['checkout'] as (command: object) => Promise<unknown>;
  methods['checkout'] = async (command: CheckoutCommand) => {
    const lines = fake.isNewCheckout ? await command.lines() : null;
    const refused = (lines ?? []).flatMap(({ product, refused: rejection }, line) =>
      rejection === undefined ? [] : [{ line, product, rejection }],
    );
    if (refused.length === 0) return answerCheckout({ ...command, lines });
    const rejection = { code: 'lines_refused', lines: refused };
    return { kind: 'rejected', rejection, now: noon };
  };
  Object.assign(fake.engine, methods);
  return fake;
}
