/**
 * Vendors and their API keys. A key is shown in the one answer that makes it: a replay has null in
 * its place.
 */
import { problem } from '../../platform/http/problems.ts';
import type { Ctx, Route } from '../../platform/http/route.ts';
import { vendorOf } from '../api.ts';
import type { Api } from '../api.ts';
import { timeText, timeTextOrNull } from '../clock-text.ts';
import { refuseCursor } from '../cursors.ts';
import { notFound, vendorProblem } from '../refusals.ts';
import { idParams, keyIdPattern, pageQuery } from '../schemas/common.ts';
import {
  keyAnswer,
  keyRevokedAnswer,
  keysAnswer,
  vendorAnswer,
  vendorBody,
} from '../schemas/vendors.ts';

const vendorsPerMinute = 60;
const keysPerMinute = 60;

const invited = problem('forbidden', 'In production a vendor needs an invitation.');
const noInvites = problem('unsupported', 'Invitations are not built yet.', {
  param: 'invite_code',
});

export function vendorRoutes(api: Api): Route[] {
  return [createVendorRoute(api), listKeysRoute(api), createKeyRoute(api), revokeKeyRoute(api)];
}

function createVendorRoute({ engine, development }: Api): Route {
  return {
    id: 'createVendor',
    method: 'POST',
    path: '/v1/vendors',
    half: 'sale',
    auth: 'public',
    summary: 'A new vendor with its first key (development)',
    description:
      'Names may repeat. The key is shown in this answer only; a replay has null in its place. ' +
      'Callers without an identity share one scope of Idempotency-Keys: send a UUID.',
    body: vendorBody,
    idempotencyKey: 'optional',
    rateLimit: { name: 'vendors', perMinute: vendorsPerMinute, by: 'ip' },
    responses: { 201: vendorAnswer },
    errors: ['forbidden', 'unsupported', 'idempotency_key_reused', 'unavailable'],
    handle: async (ctx) => {
      const { name, invite_code } = ctx.body as {
        readonly name: string;
        readonly invite_code?: string;
      };
      if (invite_code !== undefined || !development) {
        ctx.problem(invite_code === undefined ? invited : noInvites);
        return;
      }
      const outcome = await engine.createVendor(name, keyOf(ctx));
      if (outcome.kind !== 'done') {
        ctx.problem(vendorProblem(outcome, ctx.idempotencyKey !== ''));
        return;
      }
      const { id, key, keyId } = outcome.value;
      ctx.reply(201, { id, name, key, key_id: keyId }, replayOf(key));
    },
  };
}

const keyOf = ({ idempotencyKey }: Ctx): string | undefined =>
  idempotencyKey === '' ? undefined : idempotencyKey;

const replayed = { 'idempotent-replayed': 'true' };
const replayOf = (key: string | null) => (key === null ? replayed : undefined);

function listKeysRoute({ engine }: Api): Route {
  return {
    id: 'listKeys',
    method: 'GET',
    path: '/v1/api-keys',
    half: 'sale',
    auth: 'vendor',
    summary: 'One’s own API keys',
    query: pageQuery(),
    idempotencyKey: 'none',
    responses: { 200: keysAnswer },
    errors: ['unavailable'],
    handle: async (ctx) => {
      const { limit, cursor } = ctx.query as { readonly limit: number; readonly cursor?: string };
      const keys = await engine.keys(vendorOf(ctx));
      // A vendor has few keys, so a page is cut from all of them; the cursor is the last id.
      const from = cursor === undefined ? 0 : keys.findIndex(({ id }) => id === cursor) + 1;
      if (cursor !== undefined && from === 0) refuseCursor();
      const items = keys.slice(from, from + limit);
      const last = from + limit < keys.length ? items.at(-1) : undefined;
      ctx.reply(200, {
        items: items.map((key) => ({
          id: key.id,
          hint: key.hint,
          created_at: timeText(key.createdAt),
          revoked_at: timeTextOrNull(key.revokedAt),
        })),
        next_cursor: last?.id ?? null,
      });
    },
  };
}

function createKeyRoute({ engine }: Api): Route {
  return {
    id: 'createKey',
    method: 'POST',
    path: '/v1/api-keys',
    half: 'sale',
    auth: 'vendor',
    summary: 'A further API key',
    description: 'Shown in this answer only; a replay has null in its place.',
    idempotencyKey: 'optional',
    rateLimit: { name: 'keys', perMinute: keysPerMinute },
    responses: { 201: keyAnswer },
    errors: ['unavailable'],
    handle: async (ctx) => {
      const { id, key } = await engine.createKey(vendorOf(ctx), keyOf(ctx));
      ctx.reply(201, { id, key }, replayOf(key));
    },
  };
}

function revokeKeyRoute({ engine }: Api): Route {
  return {
    id: 'revokeKey',
    method: 'DELETE',
    path: '/v1/api-keys/{id}',
    half: 'sale',
    auth: 'vendor',
    summary: 'Revoke an API key',
    description: 'It may be the one that asks. Known for some seconds longer to other processes.',
    params: idParams(keyIdPattern),
    idempotencyKey: 'none',
    responses: { 200: keyRevokedAnswer },
    errors: ['not_found', 'unavailable'],
    handle: async (ctx) => {
      const id = ctx.param('id');
      if (await engine.revokeKey(vendorOf(ctx), id)) ctx.reply(200, { id, revoked: true });
      else ctx.problem(notFound);
    },
  };
}
