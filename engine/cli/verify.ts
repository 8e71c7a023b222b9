/** `highnoon verify`: exit 0 = the draw follows from what was committed to, 1 = it does not. */
import { readFileSync } from 'node:fs';
import { sleep } from '../../platform/clock.ts';
import {
  checkBeacon,
  checkList,
  checkNumbers,
  checkReceipt,
  checkRoot,
  checkSeed,
  checkUnits,
  numbersOf,
  type Check,
} from '../line/check-proof.ts';
import { entrantOf } from '../line/chain.ts';
import { limitsOf } from '../line/limits.ts';
import { publicBeforeMs, roundOf } from '../line/quicknet.ts';
import { readProofFile, readReceiptFile, Unreadable, type ProofFile } from '../line/read-proof.ts';
import { exitWith, readArguments } from './arguments.ts';
import { misused, runCommand } from './run.ts';

const usage = `highnoon verify SALE_URL [--receipt FILE]… [--commitment C] [--ticket T] [--json]
highnoon verify FILE [--receipt FILE]… [--commitment C] [--ticket T] [--json]

Downloads a sale's proof (SALE_URL is …/v1/sales/sal_…, or FILE a proof saved before) and recomputes
all of it: the seed against its commitment, the hash chain over everybody who joined before the bell
against the root, every number from seed, root and beacon, and the signature of the list of units.
  --receipt FILE   what the join answered (the ticket with its receipt): its signature, its place in
                   the chain and its number are checked too; may be given several times
  --commitment C   the sha256:… that you noted before the bell, instead of trusting the server's
  --ticket T       shows the number of this ticket (tkt_…)
  --json           one JSON document
A file names the key of its signatures itself: a receipt shows whether that is the sale's.
No stack is needed, and nothing of this clone is asked but its code.
Exit 0: everything holds. 1: something does not. 2: it could not be read, or is not complete yet.`;

const downloadMs = 300_000;
/** A sale may say that it is closed so long before its units have settled. */
const settleMs = 3000;

async function download(url: string): Promise<unknown> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(downloadMs) });
  if (!answer.ok) throw new Unreadable(refusalOf(url, answer.status, await answer.text()));
  return answer.json();
}

/** What a server says of why not, as a sentence. */
function refusalOf(url: string, status: number, text: string): string {
  const { code, detail, starts_at: bell } = problemIn(text);
  if (code === 'sale_not_started' && typeof bell === 'string') {
    return `the bell rings at ${bell}: there is no draw to check before it`;
  }
  return `${url} answers ${status}${typeof detail === 'string' ? `: ${detail.slice(0, 300)}` : ''}`;
}

function problemIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

const readFile = (name: string): unknown => JSON.parse(readFileSync(name, 'utf8')) as unknown;

interface Found {
  readonly proof: ProofFile;
  /** Commitments by where they were found. */
  readonly promised: Map<string, string>;
  /** Source of the beacon, as the sale names it; undefined = a file says nothing of its sale. */
  readonly beacon?: string | null;
  /** Mode of its admission, as the sale says; undefined = a file says nothing of its sale. */
  readonly mode?: string;
  /** The sale says that it is closed; undefined = a file says nothing of its sale. */
  readonly over?: boolean;
}

async function find(from: string): Promise<Found> {
  const promised = new Map<string, string>();
  if (!/^https?:\/\//.test(from)) return { proof: readProofFile(readFile(from)), promised };
  const url = from.replace(/\/+$/, '').replace(/\/proof$/, '');
  // The sale first: a proof that is read after its end has its units.
  const sale = (await download(url)) as Readonly<Record<string, unknown>>;
  const over = sale['state'] === 'closed';
  let proof = readProofFile(await download(`${url}/proof`));
  if (over && proof.units === null) {
    await sleep(settleMs);
    proof = readProofFile(await download(`${url}/proof`));
  }
  promised.set('the sale', String(sale['seed_commitment']));
  if (sale['id'] !== proof.sale) throw new Unreadable(`the proof is of ${proof.sale}`);
  const admission = Object(sale['admission']) as { mode?: unknown; beacon?: unknown };
  const beacon = 'beacon' in admission ? textOf(admission.beacon) : null;
  return { proof, promised, beacon, mode: textOf(admission.mode), over };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : 'nothing');

interface Asked {
  readonly receipts: readonly string[];
  readonly commitment: string | undefined;
  readonly ticket: string | undefined;
  readonly json: boolean;
}

function checkAll(
  { proof, promised, beacon, mode, over }: Found,
  asked: Asked,
): { checks: Check[]; number: number | null } {
  if (asked.commitment !== undefined) promised.set('your note', asked.commitment);
  const numbers = numbersOf(proof);
  const checks = [
    checkSeed(proof, promised),
    checkList(proof, mode),
    checkRoot(proof),
    checkBeacon(proof, beacon),
    checkNumbers(proof, numbers),
    checkUnits(proof, over),
    ...asked.receipts.map((name) => {
      const checked = checkReceipt(proof, readReceiptFile(readFile(name)), numbers);
      return { ...checked, name: `receipt ${name}` };
    }),
  ];
  if (asked.ticket === undefined) return { checks, number: null };
  const place = placeOf(proof, asked.ticket);
  const ok = place >= 0;
  const number = ok ? (numbers?.[place] ?? null) : null;
  const says = ok ? `place ${place}, number ${number ?? 'not given yet'}` : 'it is not in the list';
  return { checks: [...checks, { name: 'ticket', ok, says }], number };
}

function placeOf({ entrants }: ProofFile, ticket: string): number {
  const entrant = entrantOf(ticket);
  for (let at = 0; at < entrants.length; at += entrant.length) {
    if (entrants.compare(entrant, 0, entrant.length, at, at + entrant.length) === 0) {
      return at / entrant.length;
    }
  }
  return -1;
}

/** Without the numbers there is no draw to hold; without the units the sale goes on, or is not settled. */
function exitCodeOf({ proof, over }: Found, checks: readonly Check[]): number {
  if (checks.some(({ ok }) => ok === false)) return exitWith.violated;
  const { seed, numbers, units } = proof;
  const isPart = seed === null || numbers === null || (over === true && units === null);
  return isPart ? exitWith.unchecked : exitWith.held;
}

async function verify(from: string, asked: Asked): Promise<number> {
  const found = await find(from);
  const { proof } = found;
  const { checks, number } = checkAll(found, asked);
  const exitCode = exitCodeOf(found, checks);
  const passed = exitCode === exitWith.held;
  const { sale, mode, beaconSource, beaconSkipped, bellAt } = proof;
  // Our own words: a file that was tampered with must not claim more than it shows.
  const early = publicBeforeMs(beaconSource, bellAt) > 0;
  const limits = limitsOf(mode, beaconSource, beaconSkipped, early);
  if (asked.json) {
    const result = { passed, sale, limits, beacon_source: beaconSource, checks, number };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return exitCode;
  }
  const write = (line: string): void => void process.stdout.write(`${line}\n`);
  write(limits);
  if (beaconSource !== null && roundOf(beaconSource) === null) {
    write(`Its beacon is ${beaconSource}: compare the value there.`);
  }
  for (const { name, ok, says } of checks) {
    write(`${ok === null ? '–     ' : ok ? 'ok    ' : 'WRONG '} ${name}: ${says}`);
  }
  write(`verify ${passed ? 'passed' : exitCode === exitWith.violated ? 'FAILED' : 'incomplete'}`);
  return exitCode;
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments(usage, {
    allowPositionals: true,
    options: {
      receipt: { type: 'string', multiple: true, default: [] },
      commitment: { type: 'string' },
      ticket: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [from] = positionals;
  if (from === undefined || positionals.length > 1) return misused('verify takes one sale', usage);
  const { receipt: receipts, commitment, ticket, json } = values;
  return verify(from, { receipts, commitment, ticket, json });
}

runCommand('not verified', main);
