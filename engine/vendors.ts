/**
 * Vendors and their API keys. A key is shown once and kept only as its hash, so the command that made
 * one is replayed without it.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { clock } from '../platform/clock.ts';
import type { Db, Query } from '../platform/postgres/db.ts';
import { base32 } from './domain/ids.ts';
import type { VendorId } from './domain/types.ts';
import type { ApiKey, NewKey, NewVendor, VendorOutcome } from './engine.ts';
import { derivedIdentity } from './lanes/order-key.ts';

const hashOf = (key: string): Buffer => createHash('sha256').update(key).digest();
const newKey = (): string => `hnk_${base32(clock.random(25))}`;

const rememberMs = 5000;
const rememberedMax = 10_000;

const identityBytes = 10;
const newIdentity = (): Buffer => clock.random(identityBytes);

/** Of what a command makes: the same for the same key, so that the row is the record. */
export function identityOf(
  secret: KeyObject,
  idempotencyKey: string | undefined,
  ...scope: readonly string[]
): Buffer {
  if (idempotencyKey === undefined) return newIdentity();
  return Buffer.concat([derivedIdentity(secret, ...scope, idempotencyKey)], identityBytes);
}

/**
 * Makes a key; null = it was made before, and cannot be shown again. Deriving the key itself from the
 * Idempotency-Key would let who guesses that (`1`, a date) have the key: over HTTP at the open
 * creation of vendors, elsewhere from a copy of Postgres, which holds the secret too.
 */
async function insertKey(q: Query, id: string, vendor: VendorId): Promise<string | null> {
  const key = newKey();
  const made = await q.run(
    `INSERT INTO platform.api_keys (id, vendor_id, hash, hint) VALUES ($1, $2, $3, $4)
     ON CONFLICT (id) DO NOTHING`,
    [id, vendor, hashOf(key), key.slice(-4)],
  );
  return made === 0 ? null : key;
}

export class Vendors {
  #db: Db;
  /** By the key's hash. A revoked key works for at most `rememberMs` more in other processes. */
  #remembered = new Map<string, { vendor: VendorId | null; until: number }>();

  constructor(db: Db) {
    this.#db = db;
  }

  /** With its first key. Made before under another name: `idempotency_key_reused`. */
  create(name: string, identity = newIdentity()): Promise<VendorOutcome<NewVendor>> {
    const id = `ven_${base32(identity)}`;
    const keyId = `key_${base32(identity)}`;
    return this.#db.tx(async (q): Promise<VendorOutcome<NewVendor>> => {
      const made = await q.run(
        'INSERT INTO platform.vendors (id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
        [id, name],
      );
      if (made === 0) {
        const [known] = await q.query<{ name: string }>(
          'SELECT name FROM platform.vendors WHERE id = $1',
          [id],
        );
        if (known?.name !== name) {
          return { kind: 'rejected', rejection: { code: 'idempotency_key_reused' } };
        }
      }
      const key = await insertKey(q, keyId, id);
      return { kind: 'done', value: { id, keyId, key }, replayed: key === null };
    });
  }

  async createKey(vendor: VendorId, identity = newIdentity()): Promise<NewKey> {
    const id = `key_${base32(identity)}`;
    return { id, key: await insertKey(this.#db, id, vendor) };
  }

  async keys(vendor: VendorId): Promise<readonly ApiKey[]> {
    const rows = await this.#db.query<{
      id: string;
      hint: string;
      created_at: Date;
      revoked_at: Date | null;
    }>(
      `SELECT id, hint, created_at, revoked_at FROM platform.api_keys
        WHERE vendor_id = $1 ORDER BY created_at, id`,
      [vendor],
    );
    return rows.map((r) => ({
      id: r.id,
      hint: r.hint,
      createdAt: r.created_at.getTime(),
      revokedAt: r.revoked_at?.getTime() ?? null,
    }));
  }

  /** False = no such key of this vendor. Revoking twice is fine. */
  async revoke(vendor: VendorId, id: string): Promise<boolean> {
    const changed = await this.#db.run(
      `UPDATE platform.api_keys SET revoked_at = coalesce(revoked_at, now())
        WHERE id = $1 AND vendor_id = $2`,
      [id, vendor],
    );
    if (changed > 0) this.#remembered.clear();
    return changed > 0;
  }

  async ofKey(key: string): Promise<VendorId | null> {
    const hash = hashOf(key);
    const name = hash.toString('base64');
    const now = clock.now();
    const known = this.#remembered.get(name);
    if (known !== undefined && known.until > now) return known.vendor;
    const [row] = await this.#db.query<{ vendor_id: VendorId }>(
      'SELECT vendor_id FROM platform.api_keys WHERE hash = $1 AND revoked_at IS NULL',
      [hash],
    );
    const vendor = row?.vendor_id ?? null;
    if (this.#remembered.size >= rememberedMax) this.#remembered.clear();
    this.#remembered.set(name, { vendor, until: now + rememberMs });
    return vendor;
  }
}
