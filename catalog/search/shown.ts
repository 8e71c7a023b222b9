/** What an answer shows of a product and its variants as one hit, all but its delivery. Pure. */
import { availabilities } from '../../platform/window/answers.ts';
import type { SaleOfHit, Standing } from './standing.ts';

export interface ShownProduct {
  readonly id: string;
  readonly name: string;
  readonly brand: string | null;
  readonly category: string | null;
  readonly images: readonly string[];
  readonly currency: string;
}

/** JSON without its last brace, on one line: what follows is said to each shopper alone. */
export function shownText(product: ShownProduct, variants: number, standing: Standing): string {
  const { id, name, brand, category, images, currency } = product;
  const { price, list_price: listPrice, sale } = standing;
  const money = (amount: number) => ({ amount, currency });
  const off = Math.max(0, listPrice - price);
  const shown = {
    ...{ id, name, brand, category, image: images[0] ?? null },
    price: money(price),
    list_price: money(listPrice),
    discount_percent: listPrice === 0 ? 0 : Math.floor((off * 100) / listPrice),
    availability: availabilities[standing.availability] ?? 'coming',
    ...(sale === null ? {} : { sale: saleDocument(sale, currency) }),
    variants,
  };
  return JSON.stringify(shown).slice(0, -1);
}

const saleDocument = ({ price, ...sale }: SaleOfHit, currency: string) => ({
  ...sale,
  price: { amount: price, currency },
});
