/** Vendors of the generated shop and where they deliver: from real stores, by real postal codes. */
import type { DeliveryRules, Region } from '../delivery/rules.ts';
import { Random } from './random.ts';
import type { Store } from './sources.ts';

export interface GeneratedVendor {
  readonly name: string;
  /** What its products choose from; null = everywhere. */
  readonly rules: readonly (DeliveryRules | null)[];
}

export const vendorsMax = 40;
const names = ['Harbor', 'Oak', 'Summit', 'Prairie', 'Lakeside', 'Union', 'Beacon', 'Cedar'];
const trades = ['Home', 'Living', 'Supply', 'Outfitters', 'Market'];
const usd = (amount: number) => ({ amount, currency: 'USD' });
const prefixesMax = 60;

export function generateVendor(
  seed: number,
  number: number,
  stores: readonly Store[],
): GeneratedVendor {
  const random = new Random(seed, -1 - number);
  const name = `${names[number % names.length]} ${trades[Math.floor(number / names.length) % trades.length]}`;
  const home = random.pick(stores);
  return { name, rules: [ruleOf(random, home, stores), ruleOf(random, home, stores)] };
}

function ruleOf(random: Random, home: Store, stores: readonly Store[]): DeliveryRules | null {
  const eta = random.whole(1, 5);
  const terms = {
    eta_days: [eta, eta + random.whole(1, 4)] as const,
    fee: usd(random.whole(0, 30) * 100),
  };
  switch (random.whole(0, 5)) {
    case 0:
      return null;
    case 1:
      return { include: [nearBy(random, home)], ...terms };
    case 2:
      return { include: [stateOf(home, stores)], ...terms };
    case 3:
      return { include: [{ country: 'US' }], exclude: [farStates], ...terms };
    case 4:
      return {
        include: [{ country: 'US' }, { country: 'CA', fee: usd(4900), eta_days: [6, 12] }],
        ...terms,
      };
    default:
      return { include: [{ country: 'US' }], ...terms };
  }
}

const farStates: Region = {
  country: 'US',
  postal_ranges: [
    ['96701', '96898'],
    ['99501', '99950'],
  ],
};

function nearBy(random: Random, { lat, lon }: Store): Region {
  return { country: 'US', radius: { lat, lon, km: random.pick([80, 200, 500, 1200]) } };
}

function stateOf({ state }: Store, stores: readonly Store[]): Region {
  const zips = stores.filter((store) => store.state === state).map(({ zip }) => zip.slice(0, 3));
  return { country: 'US', postal_prefixes: [...new Set(zips)].sort().slice(0, prefixesMax) };
}
