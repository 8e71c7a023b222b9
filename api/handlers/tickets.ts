/** Places in line by their owner, and what shows that the draw was fair. */
import type { Ctx, Route } from '../../platform/http/route.ts';
import { problem } from '../../platform/http/problems.ts';
import { shopperOf } from '../api.ts';
import type { Api } from '../api.ts';
import { askerOf } from '../ask-window.ts';
import type { JoinBody, LineDesk } from '../line-desk.ts';
import { proofText } from '../proof-json.ts';
import { notFound, rejectionProblem, vendorRejectionProblem } from '../refusals.ts';
import { idParams, saleIdPattern } from '../schemas/common.ts';
import { joinBody, proofAnswer, ticketAnswer } from '../schemas/tickets.ts';

const common = { half: 'sale', auth: 'shopper', params: idParams(saleIdPattern) } as const;

/** Proofs that are read at the same time. Each may be a hundred megabytes; a page of it is in memory. */
const proofsMax = 16;
const proofsPerMinute = 60;
/** Who takes nothing of it for so long is cut off. */
const proofStallMs = 10_000;

export function ticketRoutes(desk: LineDesk): Route[] {
  return [joinRoute(desk), readRoute(desk), leaveRoute(desk)];
}

const commandOf = (ctx: Ctx) => ({
  ...shopperOf(ctx),
  id: ctx.param('id'),
  key: ctx.idempotencyKey,
});

function joinRoute(desk: LineDesk): Route {
  return {
    ...common,
    id: 'joinLine',
    method: 'POST',
    path: '/v1/sales/{id}/tickets',
    summary: 'Take a place in line',
    description:
      'One live ticket for each account: 200 = the one already held. Before the bell it has no number ' +
      'yet; its receipt shows later that it was drawn with the others. Poll after `poll_after_ms`, or ' +
      'listen on the socket: who is away for 30 s when reached is parked until the return.',
    body: joinBody,
    bodyRequired: false,
    idempotencyKey: 'required',
    responses: { 200: ticketAnswer, 201: ticketAnswer },
    errors: [
      'forbidden',
      'not_found',
      'limit_reached',
      'draw_closed',
      'sale_ended',
      'undeliverable',
      'line_full',
      'unavailable',
    ],
    handle: (ctx) => desk.join(commandOf(ctx), ctx.body as JoinBody, askerOf(ctx), ctx),
  };
}

function readRoute(desk: LineDesk): Route {
  return {
    ...common,
    id: 'getTicket',
    method: 'GET',
    path: '/v1/sales/{id}/tickets/me',
    summary: 'One’s own ticket',
    description: 'Asking is a sign of life: a parked ticket comes back.',
    idempotencyKey: 'none',
    responses: { 200: ticketAnswer },
    errors: ['not_found', 'unavailable'],
    handle: (ctx) => desk.read(commandOf(ctx), ctx),
  };
}

function leaveRoute(desk: LineDesk): Route {
  return {
    ...common,
    id: 'leaveLine',
    method: 'DELETE',
    path: '/v1/sales/{id}/tickets/me',
    summary: 'Leave the line',
    description:
      'For good: a new ticket is at the end. One that is over stays as it is, and its leave keeps no ' +
      'key. A key that has left a place leaves no other: it is answered with the ticket of now.',
    idempotencyKey: 'optional',
    responses: { 200: ticketAnswer },
    errors: ['not_found', 'unavailable'],
    handle: (ctx) => desk.leave(commandOf(ctx), ctx),
  };
}

const busy = problem('unavailable', 'Many proofs are being read: ask again.', {
  retryAfterMs: 2000,
});

const neverDrawn = vendorRejectionProblem({
  code: 'illegal_transition',
  state: 'cancelled',
  detail: 'The sale was cancelled before its bell: nothing was drawn.',
});

export function proofRoute({ engine, now }: Api): Route {
  let writing = 0;
  return {
    id: 'getProof',
    method: 'GET',
    path: '/v1/sales/{id}/proof',
    half: 'sale',
    auth: 'public',
    summary: 'Proof of the draw',
    description:
      'After the bell: seed, root and entrants, from which anybody can draw the numbers again; after ' +
      'the sale also how each unit ended, signed. `npx highnoon verify` does it. A flash sale without a ' +
      'line has one too, with nobody in it. Of a sale that was cancelled nothing was drawn: 409.',
    params: idParams(saleIdPattern),
    idempotencyKey: 'none',
    rateLimit: { name: 'proofs', perMinute: proofsPerMinute, by: 'ip' },
    responses: { 200: proofAnswer },
    errors: ['sale_not_started', 'not_found', 'illegal_transition', 'unavailable'],
    handle: async (ctx) => {
      const outcome = await engine.proof(ctx.param('id'));
      if (outcome.kind === 'not_found') ctx.problem(notFound);
      else if (outcome.kind === 'cancelled') ctx.problem(neverDrawn);
      else if (outcome.kind === 'not_started') {
        const { startsAt } = outcome;
        ctx.problem(rejectionProblem({ code: 'sale_not_started', startsAt, now: now() }));
      } else if (writing >= proofsMax) ctx.problem(busy);
      else {
        writing += 1;
        try {
          const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
          await ctx.stream(proofText(outcome.value), headers, proofStallMs);
        } finally {
          writing -= 1;
        }
      }
    },
  };
}
