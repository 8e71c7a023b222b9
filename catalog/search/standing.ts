/** What a product's sales make of it in a search: availability, price now, sale, quality. Pure. */
import { createHash } from 'node:crypto';
import { hasLine } from '../offers.ts';
import { availabilityOf } from '../product-page.ts';
import type { Offer } from '../product-rows.ts';
import { availabilities } from '../../platform/window/answers.ts';
import { qualityOf } from './ranking.ts';

export interface SaleOfHit {
  readonly id: string;
  readonly state: string;
  /** Minor units. */
  readonly price: number;
  readonly starts_at: string;
  readonly ends_at: string | null;
  readonly admission: Offer['admission'];
}

/** Columns of shop.search, and whether it is on sale now. */
export interface Standing {
  /** Its place in `availabilities`. */
  readonly availability: number;
  readonly price: number;
  readonly list_price: number;
  readonly sale: SaleOfHit | null;
  readonly on_sale: boolean;
  readonly popularity: number;
  readonly quality: number;
  readonly tier: number;
}

export interface OfferedMember {
  readonly id: string;
  /** List price, minor units. */
  readonly price: number;
  readonly offers: readonly Offer[];
}

/** `bounds[k]` is the quality from which a product is in tier k; below all of them is the last. */
export function standingOf(
  head: string,
  members: readonly OfferedMember[],
  bounds: readonly number[],
): Standing {
  const offers = members.flatMap((member) => member.offers);
  const availability = availabilityOf(offers);
  const flash = offers.filter((offer) => offer.kind === 'flash').sort(sooner);
  const running = flash.find(isBuyable);
  const shown = running ?? flash.find(({ state }) => state === 'scheduled');
  const popularity = offers.reduce((sum, { claimed }) => sum + claimed, 0);
  const quality = qualityOf(availability, popularity, tieOf(head));
  const below = bounds.findIndex((bound) => quality >= bound);
  return {
    availability: availabilities.indexOf(availability),
    price: Math.min(...members.map(priceNow)),
    list_price: Math.min(...members.map(({ price }) => price)),
    sale: shown === undefined ? null : saleOf(shown),
    on_sale: running !== undefined,
    popularity,
    quality,
    tier: below < 0 ? bounds.length : below,
  };
}

/** What it costs where anybody can buy it now, else its list price: a line's price is its sale's. */
function priceNow({ price, offers }: OfferedMember): number {
  const prices = offers
    .filter((offer) => isBuyable(offer) && !hasLine(offer))
    .map((offer) => offer.price);
  return prices.length === 0 ? price : Math.min(...prices);
}

const isBuyable = ({ state, band }: Offer): boolean =>
  state === 'live' && (band === 'in_stock' || band === 'low');

function sooner(a: Offer, b: Offer): number {
  const between = a.starts_at.getTime() - b.starts_at.getTime();
  if (between !== 0) return between;
  return a.sale_id < b.sale_id ? -1 : 1;
}

function saleOf({ sale_id: id, state, price, starts_at, ends_at, admission }: Offer): SaleOfHit {
  const ends = ends_at?.toISOString() ?? null;
  return { id, state, price, starts_at: starts_at.toISOString(), ends_at: ends, admission };
}

/** 0…1, fixed for an id and unlike that of its neighbours. */
function tieOf(id: string): number {
  return createHash('sha1').update(id).digest().readUInt32BE(0) / 2 ** 32;
}
