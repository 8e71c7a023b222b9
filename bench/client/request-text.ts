/** HTTP/1.1 requests as text, built once and written as often as needed. */

export interface RequestParts {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** `host:port`. */
  readonly host: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; strings are sent as they are. */
  readonly body?: object | string;
}

/** The whole request, head and body, in ASCII. Header values are taken as they are. */
export function requestText({ method, path, host, headers, body }: RequestParts): string {
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (const [name, value] of Object.entries(headers ?? {})) text += `${name}: ${value}\r\n`;
  if (body === undefined) return method === 'GET' ? `${text}\r\n` : `${text}${noBody}`;
  const json = inAscii(typeof body === 'string' ? body : JSON.stringify(body));
  return `${text}content-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`;
}

/** The same JSON: other characters stand in its strings only, and are escaped there. */
const inAscii = (json: string): string =>
  json.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

const noBody = 'content-length: 0\r\n\r\n';

/** The header of a caller, whoever it is. */
export function bearer(token: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` };
}
