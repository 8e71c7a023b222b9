/**
 * The one table of environment variables: name, default, kind, bounds, meaning. docs/operating.md
 * tells the same for people.
 */
import {
  listOf,
  oneOf,
  parseBroker,
  parseOrigin,
  parsePeer,
  portMax,
  text,
  url,
  whole,
} from './env-kinds.mjs';

/**
 * @typedef {object} Variable
 * @property {string} name
 * @property {keyof import('./env.mjs').Settings} key
 * @property {string} default as text; '' = none
 * @property {import('./env-kinds.mjs').Kind} kind
 * @property {string} doc
 */

/** Every role that can be started, in the order in which they are shown. */
export const roleNames = ['api', 'catalog', 'worker'];

/** Those that may be named: what is not built yet is left out. */
const knownRoles = [...roleNames, 'sandbox'];

const port = whole(0, portMax);
const roles = listOf(
  (item) => (knownRoles.includes(item) ? item : undefined),
  `a comma list of ${knownRoles.join(', ')}`,
);
const brokers = listOf(parseBroker, 'a comma list of host:port');
const peers = listOf(parsePeer, 'a comma list of process=http://host:port');
const origins = listOf(parseOrigin, 'a comma list of origins as https://shop.example');
const levels = oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent');
const web = url('http:', 'https:');
const word = text(/^[\x21-\x7e]{1,200}$/, 'a word of 1 to 200 printable characters');
const host = text(/^[A-Za-z0-9.:_-]{1,253}$/, 'a host name or an address');
const path = text(/^[^\0]{1,4000}$/, 'a folder');
const processName = text(/^[a-z0-9-]{1,40}$/, 'a name of a-z, 0-9 and -, at most 40 characters');
const prefix = text(/^[a-z0-9-]{0,60}$/, 'made of a-z, 0-9 and -, at most 60 characters');
const crashAt = text(/^[a-z]+\.[a-z]+(:[1-9]\d{0,5})?$/, 'a crash point, as settler.committed:20');
const dayMs = 86_400_000;

/**
 * @param {string} name @param {keyof import('./env.mjs').Settings} key @param {string} fallback @param {import('./env-kinds.mjs').Kind} kind
 * @param {string} doc @returns {Variable}
 */
function variable(name, key, fallback, kind, doc) {
  return { name, key, default: fallback, kind, doc };
}

/** @type {readonly Variable[]} */
export const variables = [
  variable('PORT', 'port', '3000', port, 'every public route; 0 = a free port'),
  variable('CATALOG_PORT', 'catalogPort', '3001', port, 'the shop window; 0 = a free port'),
  variable(
    'OPS_PORT',
    'opsPort',
    '9464',
    port,
    "operators' port of api; catalog has the next one, worker the one after; 0 = free ports",
  ),
  variable('HOST', 'host', '127.0.0.1', host, 'address that every port is opened on'),
  variable('REDIS_URL', 'redisUrl', '', url('redis:', 'rediss:'), 'Redis 7; empty = our own'),
  variable(
    'DATABASE_URL',
    'databaseUrl',
    '',
    url('postgres:', 'postgresql:'),
    'PostgreSQL 15 or later; empty = our own',
  ),
  variable('KAFKA_BROKERS', 'kafkaBrokers', '', brokers, 'host:port,…; empty = our own'),
  variable('ROLES', 'roles', roleNames.join(','), roles, 'what the starter starts'),
  variable('LANES', 'lanes', '2', whole(1, 1024), 'fixed when the lanes are formatted'),
  variable(
    'RATE_LIMITS',
    'rateLimits',
    'loopback-exempt',
    oneOf('on', 'off', 'loopback-exempt'),
    'requests per caller and second are bounded',
  ),
  variable(
    'ALLOWED_ORIGINS',
    'allowedOrigins',
    '',
    origins,
    'pages of other hosts that may open the socket; empty = pages of the api’s own host only',
  ),
  variable(
    'NODE_ENV',
    'nodeEnv',
    'development',
    oneOf('development', 'production', 'test'),
    'development opens POST /v1/vendors, POST /v1/sessions and the test payment',
  ),
  variable(
    'CURRENCY',
    'currency',
    'USD',
    text(/^[A-Z]{3}$/, 'a currency code of three capital letters'),
    'the one currency of this deployment',
  ),
  variable('LOG_LEVEL', 'logLevel', 'info', levels, 'least level that is logged'),
  variable(
    'REDIS_MAXMEMORY_MB',
    'redisMaxmemoryMb',
    '512',
    whole(16, 1_048_576),
    'memory of our own Redis; above 80 % of it new holds are refused',
  ),
  variable(
    'IN_DOUBT_MAX',
    'inDoubtMax',
    '2000000',
    whole(1, 1_000_000_000),
    'decisions of a lane not yet in Postgres beyond which new holds are refused',
  ),
  variable(
    'IN_DOUBT_MAX_AGE_SECONDS',
    'inDoubtMaxAgeSeconds',
    '900',
    whole(1, 86_400),
    'age of the first of them beyond which new holds are refused',
  ),
  variable(
    'OUTBOX_KEEP_MS',
    'outboxKeepMs',
    '3000',
    whole(0, 7 * dayMs),
    'how long settled entries stay in the outbox',
  ),
  variable('RELAY_PAUSE_MS', 'relayPauseMs', '50', whole(0, 10_000), "relay's pause under load"),
  variable('BATCH_MAX', 'batchMax', '256', whole(1, 4096), 'commands in one script call'),
  variable(
    'HOLD_SECONDS_DEFAULT',
    'holdSecondsDefault',
    '300',
    whole(1, 3600),
    'hold time of a sale that names none',
  ),
  variable('LINE_MAX', 'lineMax', '2000000', whole(1, 50_000_000), 'tickets that one line takes'),
  variable(
    'ADMIT_HOLD_P99_MS',
    'admitHoldP99Ms',
    '250',
    whole(1, 60_000),
    'holds slower than this make the admitter slower',
  ),
  variable(
    'ADMIT_IN_DOUBT_MS',
    'admitInDoubtMs',
    '10000',
    whole(100, 900_000),
    'age of the first decision in doubt above which the admitter is slower',
  ),
  variable('KAFKA_REPLICATION', 'kafkaReplication', '1', whole(1, 9), 'replicas of each topic'),
  variable(
    'COMMAND_TIMEOUT_MS',
    'commandTimeoutMs',
    '1000',
    whole(50, 60_000),
    "wait for Redis's answer, after which the outcome is unknown",
  ),
  variable('TOPIC_PREFIX', 'topicPrefix', '', prefix, 'before every Kafka topic and group'),
  variable('API_URL', 'apiUrl', '', web, 'where commands find the api; the starter tells them'),
  variable('OPS_URL', 'opsUrl', '', web, "where commands find api's operators' port"),
  variable('CATALOG_URL', 'catalogUrl', '', web, 'where api finds catalog; empty = CATALOG_PORT'),
  variable('OPS_PEERS', 'opsPeers', '', peers, "process=url,… merged into api's /metrics"),
  variable('TOKEN_ISSUER', 'tokenIssuer', 'highnoon', word, '`iss` of shopper tokens'),
  variable('TOKEN_AUDIENCE', 'tokenAudience', 'highnoon', word, '`aud` of shopper tokens'),
  variable('BEACON_URL', 'beaconUrl', '', web, 'a relay of drand, for public randomness in draws'),
  variable('JWKS_URL', 'jwksUrl', '', web, 'keys of the shoppers’ identity provider'),
  variable('HIGHNOON_DIR', 'highnoonDir', '', path, 'the .highnoon folder; empty = in the clone'),
  variable('CRASH_AT', 'crashAt', '', crashAt, 'where to die, for drills; not in production'),
  variable('HIGHNOON_PROCESS', 'processName', '', processName, 'name of a process in logs'),
  variable('MAVEN_REPO_URL', 'mavenRepoUrl', '', web, "a Maven repository for Kafka's jars"),
];
