/** The shop's front door, as the generated vendors use it. */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export const atOnce = 8;
const askAgainMs = 1000;
const attemptsMax = 60;

export interface Reply {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

/** A body that is a text is NDJSON; without one it is a GET. */
export type Ask = (
  path: string,
  body: object | string | null,
  headers: Readonly<Record<string, string>>,
) => Promise<Reply>;

/** Asks again, with the same key, where that is what the answer says. */
export function asker(apiUrl: string): Ask {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const once: Ask = (path, body, headers) =>
    new Promise((resolve, reject) => {
      const text = typeof body === 'string' ? body : body === null ? '' : JSON.stringify(body);
      const type = typeof body === 'string' ? 'application/x-ndjson' : 'application/json';
      const sending = { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) };
      const sent = request(new URL(path, apiUrl), {
        ...{ agent, method: body === null ? 'GET' : 'POST' },
        headers: { ...headers, ...(body === null ? {} : sending) },
      });
      sent.on('error', reject);
      sent.on('response', (answer) => {
        let read = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (read += chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, json: JSON.parse(read) as Reply['json'] });
        });
      });
      sent.end(text);
    });
  return async (path, body, headers) => {
    for (let attempt = 1; ; attempt += 1) {
      const reply = await once(path, body, headers).catch(() => null);
      if (reply !== null && reply.status !== 503 && reply.status !== 429) return reply;
      if (attempt === attemptsMax) throw new Error(`${path}: no answer`);
      await sleep(askAgainMs);
    }
  };
}
