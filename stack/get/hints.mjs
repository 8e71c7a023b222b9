/**
 * What to type when we may not, or cannot, install something ourselves.
 */
import { messageOf, StackError } from '../base/errors.mjs';

const commands = {
  redis: {
    apt: 'sudo apt-get install --no-install-recommends redis-tools',
    dnf: 'sudo dnf install redis',
    brew: 'brew install redis',
    url: 'REDIS_URL=redis://HOST:6379',
  },
  postgres: {
    apt: 'sudo apt-get install --no-install-recommends postgresql',
    dnf: 'sudo dnf install postgresql-server postgresql-contrib',
    brew: 'brew install postgresql@16',
    url: 'DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/DATABASE',
  },
  java: {
    apt: 'sudo apt-get install --no-install-recommends default-jre-headless',
    dnf: 'sudo dnf install java-21-openjdk-headless',
    brew: 'brew install openjdk@21',
    url: 'KAFKA_BROKERS=HOST:9092',
  },
  kafka: {
    apt: 'sudo apt-get install --no-install-recommends maven default-jre-headless',
    dnf: 'sudo dnf install maven',
    brew: 'brew install maven',
    url: 'KAFKA_BROKERS=HOST:9092',
  },
};

/**
 * @param {keyof typeof commands} what @param {string[]} tried one line for each way that failed
 * @returns {StackError}
 */
export function cannotGet(what, tried) {
  const { apt, dnf, brew, url } = commands[what];
  return new StackError(`There is no ${what} here, and it could not be got.`, {
    lines: [
      ...tried.map((line) => `  - ${line}`),
      'Any one of these helps; then run the same command again:',
      `  Debian, Ubuntu:  ${apt}`,
      `  Fedora:          ${dnf}`,
      `  macOS:           ${brew}`,
      `  one you have:    ${url}`,
      '  or everything in containers:  docker compose up --build',
    ],
  });
}

const npmLines = 4; // what is wrong comes first, then npm explains itself at length

/** @param {unknown} error of `npm ci` @returns {StackError} */
export function cannotInstall(error) {
  const said = error instanceof StackError ? error.lines.slice(0, npmLines) : [];
  return new StackError('The npm packages could not be installed.', {
    lines: [
      ...(said.length > 0 ? said : [`    ${messageOf(error)}`]),
      'npm must reach its registry once. Then run the same command again:',
      '  behind a proxy:    npm config set proxy http://HOST:PORT',
      '  another registry:  npm config set registry https://HOST/',
      '  by hand:           npm ci',
    ],
  });
}

/**
 * Tries one way after another.
 * @template T
 * @param {keyof typeof commands} what
 * @param {[string, () => Promise<T | null> | T | null][]} ways name and work; null = not here
 * @returns {Promise<T>} of the first that works
 * @throws {StackError} with the commands to type
 */
export async function firstWay(what, ways) {
  const tried = [];
  for (const [name, way] of ways) {
    try {
      const found = await way();
      if (found !== null) return found;
      tried.push(`${name}: not here`);
    } catch (error) {
      const lines = error instanceof StackError ? error.lines.slice(-4) : [];
      tried.push([`${name}: ${messageOf(error)}`, ...lines].join('\n'));
    }
  }
  throw cannotGet(what, tried);
}
