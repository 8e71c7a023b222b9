/** Vendors and their API keys. A key is shown once and kept only as its hash. */
import { createHash } from 'node:crypto';
import { clock } from '../platform/clock.ts';
import type { Db, Query } from '../platform/postgres/db.ts';
import { base32 } from './domain/ids.ts';
import type { VendorId } from './domain/types.ts';
import type { ApiKey } from './engine.ts';

const hashOf = (key: string): Buffer => createHash('sha256').update(key).digest();
const randomId = (prefix: string): string => `${prefix}_${base32(clock.random(10))}`;
const newKey = (): string => `hnk_${base32(clock.random(25))}`;

const rememberMs = 5000;
const rememberedMax = 10_000;

/** Makes a key inside a transaction. */
async function insertKey(q: Query, vendor: VendorId): Promise<{ id: string; key: string }> {
  const id = randomId('key');
  const key = newKey();
  await q.run('INSERT INTO platform.api_keys (id, vendor_id, hash, hint) VALUES ($1, $2, $3, $4)', [
    id,
    vendor,
    hashOf(key),
    key.slice(-4),
  ]);
  return { id, key };
}

export class Vendors {
  #db: Db;
  /** By the key's hash. A revoked key works for at most `rememberMs` more in other processes. */
  #remembered = new Map<string, { vendor: VendorId | null; until: number }>();

  constructor(db: Db) {
    this.#db = db;
  }

  create(name: string): Promise<{ id: VendorId; key: string; keyId: string }> {
    return this.#db.tx(async (q) => {
      const id = randomId('ven');
      await q.run('INSERT INTO platform.vendors (id, name) VALUES ($1, $2)', [id, name]);
      const made = await insertKey(q, id);
      return { id, key: made.key, keyId: made.id };
    });
  }

  createKey(vendor: VendorId): Promise<{ id: string; key: string }> {
    return insertKey(this.#db, vendor);
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
