/**
 * A believable product for every number, the same for the same seed. The first ones fit the real
 * queries one by one; of the others some do, some are of a query's class, some of any category.
 */
import type { DeliveryRules, Terms } from '../delivery/rules.ts';
import { Random } from './random.ts';
import type { ShopperQuery, Sources } from './sources.ts';
import { generateVendor, vendorsMax } from './vendors.ts';
import type { GeneratedVendor } from './vendors.ts';

export interface Registration {
  readonly name: string;
  readonly description: string;
  readonly price_usd: number;
  readonly remaining_supply: number;
  readonly sku: string;
  readonly category: string;
  readonly brand: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
  readonly delivery?: DeliveryRules;
}

/** The same figures in the shop's currency, as a vendor there registers them. */
export function soldIn(currency: string, registration: Registration): object {
  if (currency === 'USD') return registration;
  const { price_usd: price, delivery, ...rest } = registration;
  const priced = { ...rest, price: { amount: Math.round(price * 100), currency } };
  if (delivery === undefined) return priced;
  const inCurrency = <T extends Terms>(terms: T): T =>
    terms.fee === undefined ? terms : { ...terms, fee: { ...terms.fee, currency } };
  const include = delivery.include?.map(inCurrency);
  const own = inCurrency(delivery);
  return { ...priced, delivery: include === undefined ? own : { ...own, include } };
}

/** What is true of a product and stands nowhere in it: judgements are made of this. */
export interface Facts {
  /** The query that it was made for; null = for none. */
  readonly query: number | null;
  /** It is all that the query asks for, not only some. */
  readonly whole: boolean;
  /** Class of that query, or its own. */
  readonly kind: string;
}

export interface GeneratedProduct {
  readonly vendor: number;
  /** The product of which it is a variant. */
  readonly variantOf: number | null;
  readonly registration: Registration;
  readonly facts: Facts;
  /** 0…1, few are near 1: how well it sells. */
  readonly demand: number;
}

export interface Generator {
  readonly vendors: readonly GeneratedVendor[];
  product(number: number): GeneratedProduct;
}

const colors =
  'Black White Gray Navy Blue Teal Turquoise Red Burgundy Pink Beige Ivory Brown Gold Silver Green Yellow Orange Purple Charcoal';
const materials =
  'Oak Walnut Pine Acacia Leather Velvet Linen Cotton Steel Brass Glass Marble Ceramic Rattan Bamboo Wool Acrylic Concrete';
const styles =
  'Modern Rustic Industrial Farmhouse Coastal Traditional Bohemian Scandinavian Vintage Minimalist';
const starts =
  'Al Bel Cor Dal El Fen Gar Hol Is Jor Kel Lin Mar Nor Or Pel Quin Ros Sel Tor Ul Ver Wes Yar Zel';
const ends = 'ton ville wood field mere ley den more well stone brook ford dale croft';
const list = (text: string): readonly string[] => text.split(' ');
const [colorList, materialList, styleList] = [list(colors), list(materials), list(styles)];
const brands = list(starts).flatMap((start) => list(ends).map((end) => start + end));

const smallWords = new Set(
  list('a an and the for with of to in on that by over under or my is are'),
);
const variantEvery = 20;
const sizes = ['Small', 'Medium', 'Large', 'Twin', 'Queen', 'King'];

export function createGenerator(seed: number, sources: Sources): Generator {
  const vendors = Array.from({ length: vendorsMax }, (_, n) =>
    generateVendor(seed, n, sources.stores),
  );
  const product = (number: number): GeneratedProduct => {
    const isVariant = number >= sources.queries.length && number % variantEvery === 0;
    if (!isVariant) return single(seed, number, sources, vendors);
    const parent = single(seed, number - 1, sources, vendors);
    return variantOf(parent, number, new Random(seed, number));
  };
  return { vendors, product };
}

function single(
  seed: number,
  number: number,
  sources: Sources,
  vendors: readonly GeneratedVendor[],
): GeneratedProduct {
  const random = new Random(seed, number);
  const vendor = random.whole(0, vendors.length - 1);
  const facts = factsOf(random, number, sources);
  const look = {
    color: random.pick(colorList),
    material: random.pick(materialList),
    style: random.pick(styleList),
  };
  const query = facts.query === null ? undefined : sources.queries[facts.query];
  const brand = random.pick(brands);
  const price = Math.round(Math.exp(2 + random.next() * 5)) - 0.01;
  const rules = random.pick(vendors[vendor]?.rules ?? [null]);
  const registration: Registration = {
    name: nameOf(random, facts, query, look, brand),
    description: descriptionOf(random, facts, look, sources),
    price_usd: Number(Math.max(1, price).toFixed(2)),
    remaining_supply: random.chance(0.06) ? 0 : Math.ceil(random.next() ** 3 * 400),
    sku: `${brand.slice(0, 3).toUpperCase()}-${String(number).padStart(7, '0')}`,
    category: facts.kind.includes(' > ')
      ? facts.kind
      : `${departmentOf(facts.kind)} > ${facts.kind}`,
    brand,
    attributes: { ...look, assembly: random.chance(0.5) ? 'required' : 'none' },
    ...(rules === null ? {} : { delivery: rules }),
  };
  return { vendor, variantOf: null, registration, facts, demand: random.next() ** 6 };
}

function factsOf(random: Random, number: number, { queries, kinds, categories }: Sources): Facts {
  if (number < queries.length) {
    return { query: number, whole: true, kind: queries[number]?.kind ?? '' };
  }
  const share = random.next();
  if (share < 0.2) {
    const query = random.whole(0, queries.length - 1);
    return { query, whole: random.chance(0.5), kind: queries[query]?.kind ?? '' };
  }
  const kind = share < 0.65 ? random.pick(kinds) : random.pick(categories);
  return { query: null, whole: false, kind };
}

interface Look {
  readonly color: string;
  readonly material: string;
  readonly style: string;
}

function nameOf(
  random: Random,
  { whole, kind }: Facts,
  query: ShopperQuery | undefined,
  look: Look,
  brand: string,
): string {
  const noun = nounOf(kind);
  if (query === undefined) {
    return `${brand} ${look.color} ${random.pick([look.material, look.style])} ${noun}`;
  }
  const words = query.text.split(/\s+/).filter((word) => !smallWords.has(word.toLowerCase()));
  const dropped = whole || words.length < 2 ? -1 : random.whole(0, words.length - 1);
  const said = words.filter((_, i) => i !== dropped).map(capital);
  const named = said.some((word) => noun.toLowerCase().includes(word.toLowerCase()));
  return [brand, ...said, ...(named ? [] : [noun])].join(' ').slice(0, 200);
}

/** `TV & Home Theater > Remote Controls` → `Remote Control`. */
function nounOf(kind: string): string {
  const last = kind.split(' > ').at(-1) ?? kind;
  const first = last.split(/ & | And |, /)[0] ?? last;
  return first.replace(/ies$/, 'y').replace(/(?<=\w{3})(?<!s)s$/, '');
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

function descriptionOf(random: Random, { kind }: Facts, look: Look, { kinds }: Sources): string {
  const noun = nounOf(kind).toLowerCase();
  const other = nounOf(random.pick(kinds)).toLowerCase();
  const boxes = random.whole(1, 4);
  const sentences = [
    `${article(look.style)} ${look.style.toLowerCase()} ${noun} in ${look.color.toLowerCase()} ${look.material.toLowerCase()}.`,
    `Goes well with ${article(other).toLowerCase()} ${other}.`,
    `Made to last, and easy to care for: wipe with a damp cloth.`,
    `The ${look.material.toLowerCase()} is sourced with care; small variations are natural.`,
    `Ships in ${boxes === 1 ? '1 box' : `${boxes} boxes`}; weighs ${random.whole(1, 60)} kg.`,
    `Also seen in ${random.pick(colorList).toLowerCase()} beside a ${other} set.`,
  ];
  return sentences.filter((_, i) => i === 0 || random.chance(0.6)).join(' ');
}

const article = (word: string): string => (/^[aeiou]/i.test(word) ? 'An' : 'A');

const departments: readonly (readonly [RegExp, string])[] = [
  [/outdoor|patio|garden|plant|fountain|grill/i, 'Outdoor'],
  [/bath|vanit|faucet|shower|sink|toilet/i, 'Bathroom'],
  [/light|lamp|chandelier|sconce|pendant/i, 'Lighting'],
  [/rug|wall|mirror|décor|decor|clock|pillow|curtain|candle|frame/i, 'Décor'],
  [/bed|sheet|mattress|crib|nightstand/i, 'Bedroom'],
  [
    /table|chair|sofa|desk|stool|dresser|cabinet|recliner|ottoman|sectional|stand|chest/i,
    'Furniture',
  ],
];

const departmentOf = (kind: string): string =>
  departments.find(([pattern]) => pattern.test(kind))?.[1] ?? 'Home';

function variantOf(parent: GeneratedProduct, number: number, random: Random): GeneratedProduct {
  const { registration } = parent;
  const size = random.pick(sizes);
  return {
    ...parent,
    variantOf: number - 1,
    registration: {
      ...registration,
      name: `${registration.name}, ${size}`.slice(0, 200),
      sku: `${registration.sku}-${size.charAt(0)}`,
      options: { size },
    },
  };
}
