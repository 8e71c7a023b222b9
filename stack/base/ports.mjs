/**
 * Ports: which are free, and free ones to take.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const lowest = 15_000;
const tries = 500;

/** @param {number} port @param {string} host @returns {Promise<boolean>} */
export function isFree(port, host) {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * Ports below the range that the kernel gives to outgoing connections: a crowd of clients could
 * otherwise sit on a store's port in the moment in which that store is started again.
 * @param {number} count @returns {Promise<number[]>}
 */
export async function freePorts(count) {
  const below = outgoingFrom();
  /** @type {Set<number>} */
  const found = new Set();
  for (let attempt = 0; found.size < count; attempt += 1) {
    if (attempt > tries) throw new Error(`no ${count} free ports between ${lowest} and ${below}`);
    const port = lowest + Math.floor(Math.random() * (below - lowest));
    if (!found.has(port) && (await isFree(port, '127.0.0.1'))) found.add(port);
  }
  return [...found];
}

/**
 * The first of a row of free ports.
 * @param {number} count @returns {Promise<number>}
 */
export async function freeRow(count) {
  for (;;) {
    const [first = 0] = await freePorts(1);
    const row = Array.from({ length: count }, (_, index) => first + index);
    const free = await Promise.all(row.map((port) => isFree(port, '127.0.0.1')));
    if (free.every(Boolean)) return first;
  }
}

function outgoingFrom() {
  try {
    const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    return Math.max(lowest + 5_000, Number(range.split(/\s+/)[0]));
  } catch {
    return 32_768;
  }
}
