/**
 * A Java key store with the certificates that the system (else Node) trusts, for a Java that was unpacked and not
 * installed. The format (JKS, version 2) is a list with a keyed digest at its end.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

const systemBundles = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt'];
const magic = 0xfeedfeed;
const version = 2;
const trustedCertificate = 2;
const password = 'changeit'; // Java's own default; it protects nothing that is secret
const digestSalt = 'Mighty Aphrodite'; // part of the format

/** @param {number} value */
function int32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** @param {string} value Java's "modified UTF-8" is plain ASCII here */
function string(value) {
  const bytes = Buffer.from(value, 'ascii');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** @param {string} pem */
function der(pem) {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
}

/** A company's own certificates are in the system's bundle. @returns {readonly string[]} PEM texts */
function trusted() {
  const bundle = systemBundles.find((file) => existsSync(file));
  if (!bundle) return rootCertificates;
  return readFileSync(bundle, 'utf8').match(/-----BEGIN[^]+?-----END CERTIFICATE-----/g) ?? [];
}

/** @param {string} file */
export function writeTrustStore(file) {
  const entries = trusted().map((pem, index) => {
    const certificate = der(pem);
    return Buffer.concat([
      int32(trustedCertificate),
      string(`ca${index}`),
      Buffer.alloc(8), // time of its making
      string('X.509'),
      int32(certificate.length),
      certificate,
    ]);
  });
  const body = Buffer.concat([int32(magic), int32(version), int32(entries.length), ...entries]);
  const wide = Buffer.from(password, 'utf16le').swap16();
  const digest = createHash('sha1').update(wide).update(digestSalt).update(body).digest();
  writeFileSync(file, Buffer.concat([body, digest]));
}
