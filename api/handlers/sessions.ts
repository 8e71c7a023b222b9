/**
 * The development issuer: tokens of shoppers, for whoever asks. In production tokens come from the
 * identity provider, so sessions are 403 there; a guest's session is open everywhere.
 */
import { randomBytes } from 'node:crypto';
import { problem } from '../../platform/http/problems.ts';
import type { Ctx, Route } from '../../platform/http/route.ts';
import type { Api } from '../api.ts';
import { timeText } from '../clock-text.ts';
import { sessionAnswer, sessionBody } from '../schemas/vendors.ts';

const sessionsPerMinute = 600;
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const idCharacters = 26;

const common = {
  method: 'POST',
  half: 'sale',
  auth: 'public',
  idempotencyKey: 'none',
  responses: { 201: sessionAnswer },
  rateLimit: { name: 'sessions', perMinute: sessionsPerMinute, by: 'ip' },
} as const;

const notHere = problem('forbidden', 'In production tokens come from the identity provider.');

export function sessionRoutes(api: Api): Route[] {
  return [
    {
      ...common,
      id: 'createSession',
      path: '/v1/sessions',
      summary: 'A verified shopper’s token (development)',
      description:
        'For 12 hours. The shopper that is named, or a new one each time: no token is replayed.',
      body: sessionBody,
      errors: ['forbidden'],
      handle: (ctx) => {
        if (!api.development) {
          ctx.problem(notHere);
          return;
        }
        const { shopper } = ctx.body as { readonly shopper?: string };
        answerSession(ctx, api, shopper ?? randomId('shp_'), false);
      },
    },
    {
      ...common,
      id: 'createGuestSession',
      path: '/v1/guest-sessions',
      summary: 'A guest’s token',
      description: 'A guest may do all but sales for `verified` shoppers.',
      errors: [],
      handle: (ctx) => {
        answerSession(ctx, api, randomId('gst_'), true);
      },
    },
  ];
}

function answerSession(ctx: Ctx, { issue, memory, now }: Api, shopper: string, guest: boolean) {
  const { token, expiresAt } = issue(shopper, guest, now());
  const identity = { kind: 'shopper', shopper, verified: !guest } as const;
  // Joined, so that it is one flat string: a template makes a pair, which is slow to compare.
  memory.set(['Bearer ', token].join(''), { identity, expiresAt });
  ctx.reply(201, { token, shopper_id: shopper, expires_at: timeText(expiresAt) });
}

/** 130 random bits behind a prefix. */
function randomId(prefix: string): string {
  const characters = Array.from(randomBytes(idCharacters), (byte) => alphabet.charAt(byte & 31));
  return [prefix, ...characters].join('');
}
