/**
 * Answers of stores, read before their turn. The event loop serves readable sockets one after the
 * other; with twenty thousand shoppers' at once a store's comes after all of theirs, and whatever
 * takes several steps at stores takes that long for each. Timers come after them all, seconds late.
 * So servers look at the sockets that somebody awaits an answer from, and at who has waited for
 * long enough, while a rush of requests keeps the loop from it.
 */
import { readSync } from 'node:fs';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Between two looks. */
const everyMs = 4;
const bufferBytes = 64 * 1024;
const buffer = Buffer.allocUnsafe(bufferBytes);

/** How many answers are awaited on each. */
const awaited = new Map<Socket, number>();
let lookedAt = 0;

interface Patience {
  readonly until: number;
  readonly end: () => void;
}

const patient = new Set<Patience>();

/** The same promise; until it settles, `readAwaited` looks at the stream. Encrypted ones it leaves. */
export async function awaiting<T>(stream: unknown, answer: Promise<T>): Promise<T> {
  if (!(stream instanceof Socket) || stream instanceof TLSSocket) return answer;
  awaited.set(stream, (awaited.get(stream) ?? 0) + 1);
  try {
    return await answer;
  } finally {
    const others = (awaited.get(stream) ?? 1) - 1;
    if (others > 0) awaited.set(stream, others);
    else awaited.delete(stream);
  }
}

/** The answer, or null when it does not come within so many milliseconds, in a rush too. */
export async function orNull<T>(answer: Promise<T>, ms: number): Promise<T | null> {
  let over = (): void => undefined;
  const late = new Promise<null>((resolve) => {
    const end = (): void => {
      resolve(null);
    };
    const waits = { until: performance.now() + ms, end };
    const timer = setTimeout(end, ms);
    patient.add(waits);
    over = () => {
      clearTimeout(timer);
      patient.delete(waits);
    };
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    over();
  }
}

/**
 * Takes what has come in already, at most every few milliseconds. To be called by whoever was called
 * by the event loop itself, for each request.
 */
export function readAwaited(): void {
  if (awaited.size === 0 && patient.size === 0) return;
  const now = performance.now();
  if (now - lookedAt < everyMs) return;
  lookedAt = now;
  for (const { until, end } of patient) if (until <= now) end();
  for (const stream of [...awaited.keys()]) readNow(stream);
}

/** As node keeps it: the public interface does not name the descriptor. */
type WithHandle = Socket & { readonly _handle?: { readonly fd?: number } | null };

function readNow(stream: WithHandle): void {
  const fd = stream._handle?.fd ?? -1;
  if (fd < 0) return;
  for (;;) {
    const count = readSome(fd);
    if (count === 0) return;
    stream.emit('data', Buffer.from(buffer.subarray(0, count)));
    if (count < bufferBytes) return;
  }
}

/** Bytes read; 0 = nothing is there yet, or it is closed: of that, and of any error, the loop will tell. */
function readSome(fd: number): number {
  const { stackTraceLimit } = Error;
  // "Nothing yet" is an error to node: with its trace 12 µs, without 5.
  Error.stackTraceLimit = 0;
  try {
    return readSync(fd, buffer);
  } catch {
    return 0;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
