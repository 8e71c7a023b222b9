/**
 * One raw WebSocket over a TCP connection, for crowds: no extension, text only, nothing kept. It is
 * masked with zeros, so what it sends is what it was given; pings are answered. All connections read
 * into the same buffer, so an idle one costs little.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Target } from './connection.ts';

export interface SocketEvents {
  /** It is open: the server has taken the upgrade. */
  opened(): void;
  /** A whole text message. `bytes` are valid until this returns. */
  message(bytes: Buffer): void;
  /** It was open or was opening, and is not any more. Not told of a `cut` of ours. */
  closed(why: string): void;
}

const readBuffer = Buffer.allocUnsafe(65_536);
const headEnd = Buffer.from('\r\n\r\n');
const opcodes = { text: 1, close: 8, ping: 9, pong: 10 } as const;
const nothing = Buffer.alloc(0);
/** A larger message than the server sends is a fault of ours. */
const messageMax = 1_000_000;

/** A frame from a client: the whole message, masked with zeros. */
function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const isShort = length < 126;
  const head = Buffer.alloc(isShort ? 6 : 8);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (isShort ? length : 126);
  if (!isShort) head.writeUInt16BE(length, 2);
  return Buffer.concat([head, payload]);
}

/** A text frame, made once and sent as often as needed. At most 65,535 bytes. */
export const textFrame = (text: string): Buffer => frame(opcodes.text, Buffer.from(text));

export class WebSocketLink {
  readonly #events: SocketEvents;
  #socket: Socket | null = null;
  #upgraded = false;
  #rest: Buffer = nothing;
  #why = 'the connection was closed';

  constructor(events: SocketEvents) {
    this.#events = events;
  }

  /** Opens it at `path` with this subprotocol. */
  open({ hostname, port }: Target, path: string, protocol: string, localAddress?: string): void {
    this.#upgraded = false;
    this.#rest = nothing;
    const socket = connect({
      host: hostname,
      port,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
      onread: {
        buffer: readBuffer,
        callback: (size) => {
          if (this.#socket === socket) this.#read(readBuffer.subarray(0, size));
          return true;
        },
      },
    });
    this.#socket = socket;
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nupgrade: websocket\r\n` +
        'connection: Upgrade\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n' +
        `sec-websocket-version: 13\r\nsec-websocket-protocol: ${protocol}\r\n\r\n`,
    );
    socket.on('error', ({ message }) => {
      this.#why = message; // 'close' follows
    });
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#events.closed(this.#why);
    });
  }

  send(bytes: Buffer): void {
    this.#socket?.write(bytes);
  }

  /** Gone without a word, as when a network is. */
  cut(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.resetAndDestroy();
  }

  #fail(why: string): void {
    this.#why = why;
    this.#socket?.destroy();
  }

  #read(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#upgraded) {
      const end = bytes.indexOf(headEnd);
      if (end >= 0 && bytes.toString('latin1', 0, 12) !== 'HTTP/1.1 101') {
        this.#fail(bytes.toString('latin1', 0, Math.min(end, 200)));
        return;
      }
      if (end < 0) {
        this.#rest = Buffer.from(bytes);
        return;
      }
      this.#upgraded = true;
      bytes = bytes.subarray(end + headEnd.length);
      this.#events.opened();
    }
    const taken = this.#frames(bytes);
    this.#rest = taken === bytes.length ? nothing : Buffer.from(bytes.subarray(taken));
  }

  /** Hands out all that is whole. Answers how many bytes that was. */
  #frames(bytes: Buffer): number {
    let at = 0;
    while (this.#socket !== null && bytes.length - at >= 2) {
      const opcode = (bytes[at] ?? 0) & 0x0f;
      let length = (bytes[at + 1] ?? 0) & 0x7f;
      let from = at + 2;
      if (length === 126) {
        if (bytes.length < at + 4) break;
        length = bytes.readUInt16BE(from);
        from += 2;
      } else if (length === 127) {
        if (bytes.length < at + 10) break;
        length = Number(bytes.readBigUInt64BE(from));
        from += 8;
      }
      if (length > messageMax) {
        this.#fail(`a message of ${length} bytes`);
        break;
      }
      if (bytes.length < from + length) break;
      this.#take(opcode, bytes.subarray(from, from + length));
      at = from + length;
    }
    return this.#socket === null ? bytes.length : at;
  }

  #take(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.text) this.#events.message(payload);
    else if (opcode === opcodes.ping) this.send(frame(opcodes.pong, payload));
    else if (opcode === opcodes.close) {
      const code = payload.length < 2 ? 'none' : payload.readUInt16BE(0);
      this.#fail(`closed: ${code} ${payload.toString('utf8', 2)}`);
    }
  }
}
