/**
 * The first thing every script imports: refuses a Node or a platform on which nothing else would
 * work, by name, before anything is read, installed or started. Old syntax on purpose: an old Node
 * must get as far as this message.
 */
import { existsSync } from 'node:fs';
import process from 'node:process';

const glibcLoaders = { x64: '/lib64/ld-linux-x86-64.so.2', arm64: '/lib/ld-linux-aarch64.so.1' };
const leastMinorOf20 = 11;

/** @returns {string | null} what is wrong with this machine */
export function machineProblem() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (!(major === 22 || (major === 20 && Number(minor) >= leastMinorOf20))) {
    return `Node 20.11 or later, or 22, is needed; this is ${process.version} (${process.execPath}).`;
  }
  if (process.arch !== 'x64' && process.arch !== 'arm64') {
    return `An x64 or arm64 processor is needed; this is ${process.arch}.`;
  }
  if (process.platform === 'darwin') return null;
  if (process.platform !== 'linux') {
    return `Linux (or macOS, as far as it goes) is needed; this is ${process.platform}.`;
  }
  return existsSync(glibcLoaders[process.arch])
    ? null
    : 'A Linux with glibc is needed (Debian, Ubuntu, Fedora, …); this one has another C library.';
}

const problem = machineProblem();
if (problem) {
  process.stderr.write(`Highnoon cannot run here. ${problem}\n`);
  process.exit(2);
}
