/**
 * drand's quicknet, the chain that draws wait for (scheme bls-unchained-g1-rfc9380): when its rounds are
 * published, and whether a signature is that of a round. A round has one signature that is right, so
 * nobody can choose it. Pure.
 */
import { bls12_381 as bls } from '@noble/curves/bls12-381.js';
import { createHash } from 'node:crypto';

/** The chain is pinned: its hash names its public key, and rounds come by the clock. */
export const chain = '52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971';
export const genesisMs = 1_692_803_367_000;
export const periodMs = 3000;
export const signatureBytes = 48;

const publicKey =
  '83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c' +
  '8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb' +
  '5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a';
const domain = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';

/** The round that a source `drand:CHAIN:ROUND` names; null = it is not one of this chain. */
export function roundOf(source: string): number | null {
  const [kind, named, text = '', ...rest] = source.split(':');
  if (kind !== 'drand' || named !== chain || rest.length > 0) return null;
  const round = /^[1-9]\d*$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(round) ? round : null;
}

/** When the round of a source is published, ms since 1970; null = it is not one of this chain. */
export function publishedAt(source: string): number | null {
  const round = roundOf(source);
  return round === null ? null : genesisMs + (round - 1) * periodMs;
}

/** How long before a bell (ms since 1970) its round was public; 0 = it was not, or nobody can say. */
export const publicBeforeMs = (source: string | null, bellAt: number): number =>
  source === null ? 0 : Math.max(0, bellAt - (publishedAt(source) ?? bellAt));

/** Whether it is the signature of this round. Takes a tenth of a second or more of the CPU. */
export function isRoundSigned(round: number, signature: Uint8Array): boolean {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(round));
  const message = createHash('sha256').update(number).digest();
  const { shortSignatures: scheme } = bls;
  try {
    return scheme.verify(signature, scheme.hash(message, domain), publicKey);
  } catch {
    // No point of the curve, or none of its group.
    return false;
  }
}
