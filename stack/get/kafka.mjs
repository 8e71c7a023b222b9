/**
 * Kafka from the artifacts that its makers publish to Maven repositories: 47 jars, each checked
 * against the list beside this file, whoever brought it.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { StackError } from '../base/errors.mjs';
import { cacheDir } from '../base/paths.mjs';
import { inCache } from './cache.mjs';
import { firstWay } from './hints.mjs';
import { getJava } from './java.mjs';
import { jarsByMaven, mavenByApt, mavenOnPath } from './maven.mjs';

const listFile = new URL('./kafka-jars.json', import.meta.url);
const parallel = 4;
const jarMs = 120_000;

/** @typedef {import('../base/steps.mjs').Progress} Progress */
/** @typedef {{ path: string, size: number, sha256: string }} Jar */
/** @typedef {{ kafka: string, jars: Jar[] }} JarList */

/**
 * @typedef {object} Kafka
 * @property {import('./java.mjs').Java} java
 * @property {string} libs folder of the jars
 * @property {string} version
 */

/** @param {Buffer} bytes @param {Jar} jar */
function checkSum(bytes, jar) {
  if (createHash('sha256').update(bytes).digest('hex') === jar.sha256) return;
  throw new StackError(`${basename(jar.path)} is not the file that was expected (checksum)`);
}

/** @param {string} base @param {JarList} list @param {string} libs @param {Progress} progress */
async function download(base, { jars }, libs, progress) {
  mkdirSync(libs, { recursive: true });
  const total = megabytes(jars.reduce((sum, { size }) => sum + size, 0));
  const waiting = [...jars];
  let bytesDone = 0;
  const worker = async () => {
    for (let jar = waiting.pop(); jar; jar = waiting.pop()) {
      const url = `${base.replace(/\/+$/, '')}/${jar.path}`;
      const response = await fetch(url, { signal: AbortSignal.timeout(jarMs) });
      if (!response.ok) throw new StackError(`${basename(jar.path)}: status ${response.status}`);
      const bytes = Buffer.from(await response.arrayBuffer());
      checkSum(bytes, jar);
      writeFileSync(join(libs, basename(jar.path)), bytes);
      bytesDone += bytes.length;
      progress.note(`downloaded ${megabytes(bytesDone)} of ${total}`);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

/** @param {number} bytes */
function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/**
 * @param {JarList} list @param {string} part @param {import('./java.mjs').Java} java
 * @param {Progress} progress @param {string | null} repoUrl
 */
async function bring(list, part, java, progress, repoUrl) {
  const libs = join(part, 'libs');
  /** @param {import('./maven.mjs').Maven | null} maven */
  const byMaven = async (maven) => {
    if (!maven) return null;
    rmSync(libs, { recursive: true, force: true });
    const order = { version: list.kafka, count: list.jars.length, folder: part, progress };
    await jarsByMaven(maven, order);
    return true;
  };
  await firstWay('kafka', [
    [
      'MAVEN_REPO_URL',
      async () => (repoUrl ? (await download(repoUrl, list, libs, progress), true) : null),
    ],
    ['mvn on PATH', () => byMaven(mavenOnPath(java))],
    ['Debian package maven', async () => byMaven(await mavenByApt(java, progress))],
  ]);
  for (const jar of list.jars) {
    const file = join(libs, basename(jar.path));
    if (!existsSync(file)) throw new StackError(`${basename(jar.path)} is missing`);
    checkSum(readFileSync(file), jar);
  }
}

/**
 * @param {Progress} progress
 * @param {{ repoUrl?: string | null, javaOptions?: Parameters<typeof getJava>[1] }} [options]
 * @returns {Promise<Kafka>}
 */
export async function getKafka(progress, { repoUrl = null, javaOptions = {} } = {}) {
  const list = /** @type {JarList} */ (JSON.parse(readFileSync(listFile, 'utf8')));
  const java = await getJava(progress, javaOptions);
  const entry = { base: cacheDir(), name: `kafka-${list.kafka}`, progress };
  const folder = await inCache(entry, (part) => bring(list, part, java, progress, repoUrl));
  return { java, libs: join(folder, 'libs'), version: list.kafka };
}
