/** The engine as the api sees it: lanes, Postgres, and nothing that knows of HTTP. */
import type { KeyObject } from 'node:crypto';
import { clock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import { crashPoint } from '../platform/crash.ts';
import type { Log } from '../platform/log.ts';
import type { Db } from '../platform/postgres/db.ts';
import { ReadCache } from '../platform/read-cache.ts';
import { nameRound, type RoundNamer } from './beacon.ts';
import { checkout } from './checkout.ts';
import { isSaleId, laneOfId } from './domain/ids.ts';
import type { LaneOrder, LaneSale, OrderId, Outcome, SaleId, VendorId } from './domain/types.ts';
import type {
  Engine,
  InDoubt,
  NewSale,
  Page,
  SalesAsked,
  SalesPage,
  SaleTerms,
  VendorOutcome,
} from './engine.ts';
import { importFile, readJob } from './imports/upload.ts';
import { openLanes, type LaneSet } from './lane-set.ts';
import { startLoadReporter } from './lanes/load.ts';
import { detailsRequest, idSecretOf } from './lanes/order-key.ts';
import { receiptKeys } from './lanes/receipt.ts';
import { readChainHead } from './line/head.ts';
import { joinedLine, joinLine } from './line/past.ts';
import { waitingIn } from './line/waiting.ts';
import { readProof } from './line/proof.ts';
import { Receipts } from './line/receipts.ts';
import { LaneNews } from './news.ts';
import { couldBeOrder, detailsAsked, listOrders, readOrder, storeDetails } from './orders.ts';
import { readRegistration, register } from './registrations.ts';
import { cancelSale } from './sales/cancel.ts';
import { changeSale } from './sales/change.ts';
import { createSchedule, endSchedule, listSchedules, readSchedule } from './sales/schedules.ts';
import { controlSale, topUpSale, type ControlContext } from './sales/vendor.ts';
import { writeSale, type CreateContext } from './sales/create.ts';
import { listSales, readSale, type StoredSale } from './sales/read.ts';
import { untilSettled } from './sales/wait.ts';
import { changeProduct, listProducts, withdrawProduct, type ProductContext } from './products.ts';
import { readSettings, type Settings } from './settings.ts';
import { configuredStores } from './stores.ts';
import { identityOf, Vendors } from './vendors.ts';
import { isPartOf, noSuchOrder, WholeOrders } from './whole-orders.ts';

interface Parts {
  readonly db: Db;
  readonly lanes: LaneSet;
  readonly settings: Settings;
  readonly secret: KeyObject;
  readonly sales: ReadCache<StoredSale>;
  /** Pages of the list that everybody sees, by what was asked. */
  readonly lists: ReadCache<Page<SaleTerms>>;
  readonly lineMax: number;
  readonly nameRound: RoundNamer | undefined;
}

function wakeLanes({ caller }: LaneSet, woken: readonly number[]): void {
  for (const lane of woken) void caller.send(lane).catch(() => undefined);
}

const creationOf = ({ secret, settings, lineMax, nameRound: namer }: Parts): CreateContext => ({
  secret,
  lanes: settings.lanes,
  currency: settings.currency,
  lineMax,
  nameRound: namer,
});

const saleFreshMs = 1000;
const salesKept = 10_000;
const listsKept = 50;
/** Terms of a sale do not change; which sales there are does. */
const listKeptMs = 600_000;

/** A lane decides without Postgres: what was known last is soon the answer when that is away. */
const whileAway = { patienceMs: 250, retryMs: 1000, costShare: 0 };

function remembered(db: Db): Pick<Parts, 'sales' | 'lists'> {
  return {
    // What a sale's terms say does not change; what of it has settled may be a second old.
    sales: new ReadCache({
      ...whileAway,
      load: (id) => readSale(db, id),
      freshMs: saleFreshMs,
      absentMs: saleFreshMs,
      staleMs: Infinity,
      maxSize: salesKept,
    }),
    lists: new ReadCache({
      ...whileAway,
      load: (asked) => listSales(db, JSON.parse(asked) as SalesAsked),
      freshMs: 0,
      staleMs: listKeptMs,
      maxSize: listsKept,
    }),
  };
}

function forgetSale({ sales, lists }: Parts, id: SaleId): void {
  sales.expire(id);
  lists.expireAll();
}

/**
 * A vendor's own list is read each time: it is what he acts by. First pages are few and asked by
 * everybody; remembered others would push them out.
 */
async function salesOf({ db, lists }: Parts, asked: SalesAsked): Promise<SalesPage> {
  if (asked.vendor !== null || asked.cursor !== null) {
    return { ...(await listSales(db, asked)), stale: false };
  }
  const key = JSON.stringify({ ...asked, states: [...asked.states].sort() });
  const known = await lists.get(key);
  return { items: [], nextCursor: null, ...known?.value, stale: known?.stale === true };
}

/** Creates a sale and waits for its settled outcome. */
async function createSale(parts: Parts, sale: NewSale): Promise<VendorOutcome<SaleTerms>> {
  const { db, lanes } = parts;
  const created = await untilSettled(async () => {
    const written = await db.tx((q) => writeSale(q, creationOf(parts), sale));
    return written === 'settling' ? null : written;
  });
  if (created === null) return { kind: 'settling', unwritten: true };
  if ('code' in created) return { kind: 'rejected', rejection: created };
  crashPoint('sale.written');
  wakeLanes(lanes, created.lanes);
  const settled = await untilSettled(async () => {
    const found = await readSale(db, created.sale);
    return found === null || found.terms.state === 'creating' ? null : found;
  });
  if (settled === null) return { kind: 'settling' };
  forgetSale(parts, created.sale);
  if (settled.terms.state === 'cancelled' && settled.cancelReason !== null) {
    const { code, available, product } = settled.cancelReason;
    // A source was frozen: nothing is short, and the same key may be tried again.
    if (code !== 'insufficient_supply') return { kind: 'settling' };
    return { kind: 'rejected', rejection: { code: 'insufficient_supply', available, product } };
  }
  return { kind: 'done', value: settled.terms, replayed: created.kind === 'known' };
}

async function laneSale(
  parts: Parts,
  id: SaleId,
): Promise<Outcome<LaneSale & { inDoubt: InDoubt }>> {
  if (!isSaleId(id) || laneOfId(id) >= parts.settings.lanes) {
    return { kind: 'rejected', rejection: { code: 'not_found' }, now: clock.wall() };
  }
  return parts.lanes.shop.count(id);
}

function shopperSide(
  parts: Parts,
): Pick<
  Engine,
  | 'hold'
  | 'pay'
  | 'release'
  | 'order'
  | 'orders'
  | 'laneOrder'
  | 'storeDetails'
  | 'detailsAsked'
  | 'checkout'
> {
  const { db, lanes, settings, secret } = parts;
  const { shop, shopLines } = lanes;
  const whole = new WholeOrders(db, shop, shopLines);
  return {
    hold: (command, done) => {
      shop.hold(command, done);
    },
    pay: (command, fingerprint, done) => {
      whole.pay(command, fingerprint, done);
    },
    release: (command, done) => {
      whole.release(command, done);
    },
    order: async (id: OrderId, shopper: string) =>
      couldBeOrder(id, settings.lanes)
        ? readOrder(db, whole, id, shopper)
        : { kind: 'done', value: null, replayed: false, now: clock.wall() },
    orders: (shopper, query) => listOrders(db, shopper, query),
    laneOrder: (id, shopper) =>
      couldBeOrder(id, settings.lanes) ? whole.read(id, shopper) : Promise.resolve(noSuchOrder()),
    storeDetails: async (id, shopper, details, asked): Promise<Outcome<LaneOrder>> =>
      (await isPartOf(db, id))
        ? noSuchOrder()
        : storeDetails(
            db,
            shop,
            id,
            shopper,
            details,
            asked && detailsRequest(secret, shopper, asked),
          ),
    detailsAsked: (id, shopper, asked) =>
      detailsAsked(db, shop, id, shopper, detailsRequest(secret, shopper, asked)),
    checkout: (command) => checkout({ db, secret, shop, shopLines }, command),
  };
}

/** What was drawn, for anybody to check. */
function proofSide({ db, secret, settings }: Parts): Pick<Engine, 'proof' | 'receipt'> {
  const keys = receiptKeys(secret);
  const receipts = new Receipts(db, keys);
  return {
    receipt: (sale, index) => receipts.of(sale, index),
    proof: async (sale) =>
      isSaleId(sale) && laneOfId(sale) < settings.lanes
        ? readProof(db, sale, keys)
        : { kind: 'not_found' },
  };
}

function lineSide({
  db,
  lanes,
  settings,
}: Parts): Pick<Engine, 'join' | 'joined' | 'leave' | 'ticket' | 'seen' | 'line' | 'waitingIn'> {
  const { line } = lanes;
  const isOurs = (sale: SaleId): boolean => isSaleId(sale) && laneOfId(sale) < settings.lanes;
  const askOf = async <T>(sale: SaleId, ask: () => Promise<Outcome<T>>): Promise<Outcome<T>> =>
    isOurs(sale)
      ? ask()
      : { kind: 'rejected', rejection: { code: 'not_found' }, now: clock.wall() };
  return {
    join: (command) => askOf(command.sale, () => joinLine(db, line, command)),
    joined: async (command) => (isOurs(command.sale) ? joinedLine(db, line, command) : null),
    leave: ({ sale, shopper, idempotencyKey }) =>
      askOf(sale, () => line.leave(sale, shopper, idempotencyKey)),
    ticket: ({ sale, shopper, present }) => askOf(sale, () => line.ticket(sale, shopper, present)),
    seen: async (sale, shoppers) => {
      if (isOurs(sale)) await line.seen(sale, shoppers);
    },
    line: (sale) => askOf(sale, () => line.figures(sale)),
    waitingIn: (sale, last, after) => waitingIn(lanes.gate, sale, last, after),
  };
}

/** What a vendor does with sales. */
function saleSide(
  parts: Parts,
): Pick<
  Engine,
  | 'createSale'
  | 'createSchedule'
  | 'schedule'
  | 'schedules'
  | 'endSchedule'
  | 'changeSale'
  | 'cancelSale'
  | 'pauseSale'
  | 'resumeSale'
  | 'closeSale'
  | 'topUp'
> {
  const { db, lanes, lists, secret } = parts;
  const control: ControlContext = { db, secret, caller: lanes.caller };
  const after = async <T>(id: SaleId, outcome: Promise<T>): Promise<T> => {
    const settled = await outcome;
    forgetSale(parts, id);
    return settled;
  };
  const listed = <T>(outcome: Promise<T>): Promise<T> =>
    outcome.finally(() => {
      lists.expireAll();
    });
  const toggle =
    (kind: 'pause' | 'resume' | 'close') => (vendor: VendorId, id: SaleId, key?: string) =>
      after(id, controlSale(control, vendor, id, kind, key));
  return {
    createSale: (sale) => createSale(parts, sale),
    createSchedule: (asked) =>
      listed(createSchedule(db, creationOf(parts), asked, (woken) => wakeLanes(lanes, woken))),
    schedule: (vendor, id) => readSchedule(db, vendor, id),
    schedules: (vendor, query) => listSchedules(db, vendor, query),
    endSchedule: (vendor, id) => listed(endSchedule(db, vendor, id)),
    changeSale: (vendor, id, change) =>
      after(id, changeSale({ ...creationOf(parts), ...control }, vendor, id, change)),
    cancelSale: (vendor, id, key) => after(id, cancelSale(control, vendor, id, key)),
    pauseSale: toggle('pause'),
    resumeSale: toggle('resume'),
    closeSale: toggle('close'),
    topUp: (vendor, id, what) => after(id, topUpSale(control, vendor, id, what)),
  };
}

function vendorSide(
  parts: Parts,
): Pick<
  Engine,
  | 'createVendor'
  | 'createKey'
  | 'keys'
  | 'revokeKey'
  | 'vendorOfKey'
  | 'register'
  | 'registration'
  | 'importProducts'
  | 'importJob'
  | 'changeProduct'
  | 'withdrawProduct'
  | 'products'
> {
  const { db, lanes, settings, secret } = parts;
  const vendors = new Vendors(db);
  const { currency } = settings;
  const products: ProductContext = {
    ...{ db, secret, caller: lanes.caller, lanes: settings.lanes, currency },
    freeOf: async (sale) => {
      const counted = await lanes.shop.count(sale);
      return counted.kind === 'done' ? (counted.value.items[0]?.available ?? null) : null;
    },
  };
  return {
    createVendor: (name, key) => vendors.create(name, identityOf(secret, key, 'vendor')),
    createKey: (vendor, key) =>
      vendors.createKey(vendor, identityOf(secret, key, 'api-key', vendor)),
    keys: (vendor) => vendors.keys(vendor),
    revokeKey: (vendor, id) => vendors.revoke(vendor, id),
    vendorOfKey: (key) => vendors.ofKey(key),
    register: (registration) => register(db, secret, settings.currency, registration),
    registration: (vendor, id) => readRegistration(db, vendor, id),
    importProducts: (vendor, file) => importFile(db, secret, vendor, file),
    importJob: (vendor, id) => readJob(db, vendor, id),
    changeProduct: (vendor, id, change) => changeProduct(products, vendor, id, change),
    withdrawProduct: (vendor, id, key) => withdrawProduct(products, vendor, id, key),
    products: (vendor, query) => listProducts(db, vendor, query),
  };
}

/** Opens the engine. Rejects when Postgres is away or not formatted. */
export async function createEngine(
  config: Config,
  log: Log,
  stores = configuredStores(config, log),
): Promise<Engine> {
  const db = stores.postgres(`highnoon-${config.processName}`, 16);
  const settings = await readSettings(db);
  const lanes = openLanes(config, settings, db, log, undefined, stores);
  const secret = idSecretOf(settings.idSecret);
  const reporter = startLoadReporter(lanes.gate, lanes.load, log);
  const parts: Parts = {
    db,
    lanes,
    settings,
    secret,
    ...remembered(db),
    lineMax: config.lineMax,
    nameRound: config.beaconUrl === '' ? undefined : nameRound,
  };
  const news = new LaneNews(lanes.gate, log, () =>
    stores.redis(`highnoon-${config.processName}-news`, 0),
  );
  return {
    follow: (listener) => news.follow(listener),
    chainHead: (sale) => readChainHead(db, sale),
    ...shopperSide(parts),
    ...saleSide(parts),
    ...vendorSide(parts),
    sale: async (id) => (isSaleId(id) ? ((await parts.sales.get(id))?.value.terms ?? null) : null),
    laneSale: (id) => laneSale(parts, id),
    ...lineSide(parts),
    ...proofSide(parts),
    sales: (asked) => salesOf(parts, asked),
    lanesNotReady: () =>
      lanes.gate.doors.filter((d) => !d.open).map(({ lane, reason }) => ({ lane, reason })),
    probePostgres: async () => {
      await db.query('SELECT 1');
    },
    probeRedis: async () => {
      if (lanes.gate.redis.status !== 'ready') throw new Error('redis: not connected');
      await lanes.gate.redis.ping();
    },
    currency: settings.currency,
    tokenSecret: settings.tokenSecret,
    async close() {
      await reporter.close();
      await news.close();
      await lanes.close();
      await db.close();
    },
  };
}
