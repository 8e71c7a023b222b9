/**
 * The answers of one connection, cut from its bytes. It reads what our own servers send: a status
 * line, a content-length, a body; anything else is an error, never a guess.
 */

export interface Reply {
  readonly status: number;
  /** Status line and headers, as sent. */
  readonly head: string;
  readonly body: string;
}

const statusAt = 9;
const headEnd = Buffer.from('\r\n\r\n');
const lengthPattern = /\r\ncontent-length: *(\d+)/i;
const closePattern = /\r\nconnection: *close/i;

/** A header's value, or null. `name` in lower case. */
export function headerOf(reply: Reply, name: string): string | null {
  for (const line of reply.head.split('\r\n')) {
    if (line.toLowerCase().startsWith(`${name}:`)) return line.slice(name.length + 1).trim();
  }
  return null;
}

export function closesAfter(reply: Reply): boolean {
  return closePattern.test(reply.head);
}

export class ReplyReader {
  #rest: Buffer | null = null;

  /**
   * Bytes as they came; they may be overwritten after the call. Returns the reply that is complete
   * now, or null. Throws when the bytes are no answer that this client understands.
   */
  push(chunk: Buffer): Reply | null {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    const reply = replyIn(bytes);
    this.#rest = reply === null ? (this.#rest === null ? Buffer.from(bytes) : bytes) : null;
    return reply;
  }
}

function replyIn(bytes: Buffer): Reply | null {
  const end = bytes.indexOf(headEnd);
  if (end < 0) return null;
  const head = bytes.toString('latin1', 0, end);
  const status = Number(head.slice(statusAt, statusAt + 3));
  if (!head.startsWith('HTTP/1.1 ') || !(status >= 200)) throw new Error('not an HTTP answer');
  const from = end + headEnd.length;
  const to = from + lengthOf(head, status);
  if (bytes.length < to) return null;
  if (bytes.length > to) throw new Error('more than one answer to one request');
  return { status, head, body: bytes.toString('utf8', from, to) };
}

function lengthOf(head: string, status: number): number {
  const match = lengthPattern.exec(head);
  if (match !== null) return Number(match[1]);
  if (status === 204 || status === 304) return 0;
  throw new Error('an answer without content-length');
}
