/**
 * Kafka's jars by Maven: installed, or unpacked from Debian's package and started without its
 * script, whose settings point into /etc.
 */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { onPath, run } from '../base/command.mjs';
import { StackError } from '../base/errors.mjs';
import { cacheDir, isRoot } from '../base/paths.mjs';
import { hasApt, installDebs, unpackDebs } from './apt.mjs';
import { inCache } from './cache.mjs';
import { javaEnv } from './java.mjs';

const log4j = '2.24.3';
// A 2.x, which Kafka's own dependencies would bring, silences all logs.
const slf4j = '1.7.36';
const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';

/** @typedef {import('../base/steps.mjs').Progress} Progress */
/** @typedef {import('./java.mjs').Java} Java */

/** @param {string} version of Kafka */
function pom(version) {
  const artifact = (
    /** @type {string} */ group,
    /** @type {string} */ id,
    /** @type {string} */ v,
  ) =>
    `<dependency><groupId>${group}</groupId><artifactId>${id}</artifactId>` +
    `<version>${v}</version></dependency>`;
  const logging = ['log4j-slf4j-impl', 'log4j-core', 'log4j-1.2-api'];
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>',
    '<groupId>highnoon</groupId><artifactId>kafka</artifactId><version>1</version>',
    '<packaging>pom</packaging><dependencyManagement><dependencies>',
    artifact('org.slf4j', 'slf4j-api', slf4j),
    '</dependencies></dependencyManagement><dependencies>',
    artifact('org.apache.kafka', 'kafka_2.13', version),
    ...logging.map((id) => artifact('org.apache.logging.log4j', id, log4j)),
    '</dependencies></project>',
  ].join('\n');
}

/**
 * @typedef {object} Maven
 * @property {string} command
 * @property {string[]} args
 * @property {NodeJS.ProcessEnv} env
 */

/** @param {Java} java @returns {Maven | null} */
export function mavenOnPath(java) {
  const command = onPath('mvn');
  return command ? { command, args: [], env: javaEnv(java) } : null;
}

/** @param {Java} java @param {Progress} progress @returns {Promise<Maven | null>} */
export async function mavenByApt(java, progress) {
  if (!hasApt()) return null;
  if (isRoot()) {
    await installDebs(['maven'], progress);
    return mavenOnPath(java);
  }
  const entry = { base: cacheDir(), name: 'maven-deb', progress };
  const folder = await inCache(entry, async (part) => {
    await unpackDebs(['maven'], part, progress);
    const home = join(part, 'usr/share/maven');
    const conf = ['main is org.apache.maven.cli.MavenCli from plexus.core', '[plexus.core]'];
    conf.push('load ${maven.home}/lib/*.jar', '');
    writeFileSync(join(home, 'highnoon.conf'), conf.join('\n'));
  });
  const home = join(folder, 'usr/share/maven');
  const boot = readdirSync(join(home, 'boot')).filter((name) => name.endsWith('.jar'));
  const args = [
    ...java.args,
    ...['-classpath', boot.map((name) => join(home, 'boot', name)).join(':')],
    `-Dclassworlds.conf=${join(home, 'highnoon.conf')}`,
    `-Dmaven.home=${home}`,
    `-Dmaven.multiModuleProjectDirectory=${home}`,
    'org.codehaus.plexus.classworlds.launcher.Launcher',
  ];
  return { command: java.bin, args, env: javaEnv(java) };
}

/** Java asks the system for its user's home, whatever HOME says. Without one Maven cannot start. */
function hasHome() {
  try {
    accessSync(userInfo().homedir, constants.W_OK);
    return true;
  } catch {
    return false; // not there, not ours to write, or a user that the system does not know
  }
}

/**
 * Puts the jars into `libs` of the folder; without a home, by a repository for this one time.
 * @param {Maven} maven
 * @param {{ version: string, count: number, folder: string, progress: Progress }} order
 */
export async function jarsByMaven(maven, { version, count, folder, progress }) {
  const work = join(folder, 'maven');
  mkdirSync(work, { recursive: true });
  writeFileSync(join(work, 'pom.xml'), pom(version));
  const own = hasHome() ? [] : [`-Dmaven.repo.local=${join(work, 'repository')}`];
  const output = `-DoutputDirectory=${join(folder, 'libs')}`;
  const args = ['-B', goal, '-DincludeScope=runtime', output, ...own];
  let files = 0;
  await run(maven.command, [...maven.args, ...args], {
    cwd: work,
    env: maven.env,
    onLine: (line) => {
      if (!/Downloaded from/.test(line)) return;
      files += 1;
      progress.note(`Maven has downloaded ${files} files (${count} jars, and its own parts)`);
    },
  });
  rmSync(work, { recursive: true, force: true });
  if (!existsSync(join(folder, 'libs'))) throw new StackError('Maven brought no jars');
}
