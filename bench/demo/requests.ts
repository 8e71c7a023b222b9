/** What a shopper sends. The key is the shopper's, so whatever is asked again is done once. */
import { bearer, requestText } from '../client/request-text.ts';

export interface Plan {
  readonly sale: string;
  /** `host:port` of the api. */
  readonly host: string;
  /** Milliseconds of the server's clock. */
  readonly startsAt: number;
  /** Share (0–1) of the first winners that pay. */
  readonly payShare: number;
  /** Share (0–1) of those who are told that units may return that come back for them. */
  readonly hopeShare: number;
}

export function holdText({ sale, host }: Plan, token: string, number: number): string {
  return requestText({
    method: 'POST',
    path: `/v1/sales/${sale}/holds`,
    host,
    headers: { ...bearer(token), 'idempotency-key': `strike-${number}` },
    body: '{"quantity":1}',
  });
}

export const payBody = (number: number) => ({
  method: { type: 'test' },
  email: `shopper${number}@example.com`,
  address: {
    name: `Shopper ${number}`,
    line1: '1 Main Street',
    city: 'Hadleyville',
    postal_code: '10001',
    country: 'US',
  },
});

export function payText(
  { host }: Plan,
  { number, token }: { readonly number: number; readonly token: string },
  order: string,
): string {
  return requestText({
    method: 'POST',
    path: `/v1/orders/${order}/pay`,
    host,
    headers: { ...bearer(token), 'idempotency-key': `pay-${number}` },
    body: payBody(number),
  });
}
