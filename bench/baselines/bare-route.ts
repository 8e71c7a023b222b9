/**
 * The least that a route can do: uWebSockets.js alone, with the same body parsing, the same token
 * check and the same answer bytes as a refused hold, and nothing behind it. A process of its own,
 * told by a message what to know and what to answer; it answers with its port.
 */
import * as uWS from 'uWebSockets.js';

export interface BareOrder {
  /** Authorization headers that are let in. */
  readonly authorizations: readonly string[];
  readonly status: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

interface Body {
  readonly quantity: number;
  readonly product_id?: string;
}

const names = ['quantity', 'product_id'];

function isHold(value: unknown): value is Body {
  if (typeof value !== 'object' || value === null) return false;
  for (const name in value) if (!names.includes(name)) return false;
  const { quantity, product_id } = value as Partial<Body>;
  if (!Number.isInteger(quantity) || (quantity ?? 0) < 1) return false;
  return product_id === undefined || typeof product_id === 'string';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function serve(order: BareOrder): void {
  const known = new Map(order.authorizations.map((header) => [header, true]));
  const app = uWS.App();
  app.post('/v1/sales/:id/holds', (res, req) => {
    let gone = false;
    res.onAborted(() => {
      gone = true;
    });
    const authorization = req.getHeader('authorization');
    let rest = '';
    res.onData((chunk, isLast) => {
      rest += Buffer.from(chunk).toString('utf8');
      if (!isLast || gone) return;
      const let_in = known.get(authorization) === true && isHold(parse(rest));
      res.cork(() => {
        res.writeStatus(let_in ? order.status : '400 Bad Request');
        for (const [name, value] of order.headers) res.writeHeader(name, value);
        res.end(order.body);
      });
    });
  });
  app.listen('127.0.0.1', 0, (socket) => {
    if (socket === false) throw new Error('no free port');
    process.send?.(uWS.us_socket_local_port(socket));
  });
}

process.once('message', (order) => {
  serve(order as BareOrder);
});
process.once('disconnect', () => process.exit(0));
