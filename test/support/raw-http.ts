/** A raw connection to an HTTP server, to talk badly to it. */
import { connect } from 'node:net';

export interface RawAnswer {
  /** 0 when nothing came. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
  readonly closed: boolean;
  readonly text: string;
}

const waitMs = 1_500;

/** Writes bytes to a new connection; resolves once an answer is complete or the peer closes. */
export function raw(port: number, input: string | Buffer, untilMs = waitMs): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    const finish = (closed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      const [head = '', ...rest] = text.split('\r\n\r\n');
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0);
      resolve({ status, head, body: rest.join('\r\n\r\n'), closed, text });
    };
    const timer = setTimeout(() => finish(false), untilMs);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const length = /content-length: (\d+)/i.exec(text)?.[1];
      const start = text.indexOf('\r\n\r\n');
      if (length === undefined || start < 0 || /connection: close/i.test(text)) return;
      if (text.length >= start + 4 + Number(length)) finish(false);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => finish(true));
    socket.write(input);
  });
}

/** A request with a body and its right length. */
export function request(line: string, headers: Record<string, string> = {}, body = ''): string {
  const all = { Host: 'test', 'Content-Length': String(Buffer.byteLength(body)), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `${line} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}
