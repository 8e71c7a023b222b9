/**
 * Processes by identity: a pid with its start time, so that a pid the system has given to somebody
 * else is never signalled. And who listens on a port.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * @typedef {object} Identity
 * @property {number} pid
 * @property {string} start opaque; differs between two processes that had the same pid
 */

const listening = '0A';

/** @param {string} file @returns {string} '' when it cannot be read */
function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** @param {number} pid @returns {Identity | null} null when no such process lives */
export function identify(pid) {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
    return stdout?.trim() ? { pid, start: stdout.trim() } : null;
  }
  // The command (field 2) may hold spaces and brackets; what follows its last bracket is regular.
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const start = fields[19];
  return start && state !== 'Z' && state !== 'X' ? { pid, start } : null;
}

/** @param {Identity} identity */
export function isAlive(identity) {
  return identify(identity.pid)?.start === identity.start;
}

/**
 * Signals a process if it is still the one that was meant.
 * @param {Identity} identity @param {NodeJS.Signals} signal @param {{ group?: boolean }} [options]
 */
export function signal(identity, signal, { group = false } = {}) {
  if (!isAlive(identity)) return;
  try {
    process.kill(group ? -identity.pid : identity.pid, signal);
  } catch {
    // It ended in this moment, has no group of its own, or is not ours.
  }
}

/**
 * SIGTERM (or what each one needs), and SIGKILL for those that outlive the deadline.
 * @param {(Identity & { stopSignal?: NodeJS.Signals })[]} identities @param {number} deadlineMs
 */
export async function endAll(identities, deadlineMs) {
  for (const each of identities) signal(each, each.stopSignal ?? 'SIGTERM');
  const deadline = performance.now() + deadlineMs;
  while (identities.some(isAlive) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for (const each of identities) {
    signal(each, 'SIGKILL', { group: true });
    signal(each, 'SIGKILL');
  }
}

/** @param {number} pid @returns {string} its command line, shortened */
export function commandOf(pid) {
  const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
  return command.length > 120 ? `${command.slice(0, 119)}…` : command;
}

/** @param {number} pid @returns {number} its parent, 0 when unknown */
export function parentOf(pid) {
  const stat = read(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}

/** @param {number} port @returns {string} who listens there, as far as we may know */
export function portHolder(port) {
  if (process.platform !== 'linux') {
    const args = ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'];
    const { stdout } = spawnSync('lsof', args, { encoding: 'utf8' });
    return stdout?.trim().replaceAll('\n', ' ') || 'a process that lsof does not show';
  }
  const inodes = new Set(['tcp', 'tcp6'].flatMap((table) => listenersOn(port, table)));
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (holdsAny(pid, inodes)) return `process ${pid} (${commandOf(Number(pid))})`;
  }
  return "another user's process";
}

/** @param {number} port @param {string} table @returns {string[]} socket inodes */
function listenersOn(port, table) {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return read(`/proc/net/${table}`)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(`:${hex}`) && fields[3] === listening)
    .map((fields) => `socket:[${fields[9]}]`);
}

/** @param {string} pid @param {Set<string>} inodes */
function holdsAny(pid, inodes) {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => inodes.has(readlinkSync(`${folder}/${fd}`)));
  } catch {
    return false; // gone meanwhile, or another user's
  }
}
