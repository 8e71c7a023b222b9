/**
 * What a WebSocket route is to the rest of us: who may open one, what is done with its messages,
 * and how to write to it. Only server.ts knows the library behind it.
 */
import type { ProblemInput } from './problems.ts';

/** A request to open a socket, copied. '' = the header was not sent. */
export interface Upgrade {
  readonly origin: string;
  readonly host: string;
  readonly authorization: string;
  /** Subprotocols that the client offers, in its order. */
  readonly protocols: readonly string[];
  readonly ip: string;
}

/** What became of a message: `waiting` = buffered here, `dropped` = the buffer was full. */
export type Sent = 'sent' | 'waiting' | 'dropped' | 'closed';

/** An open socket. Once it is closed every call does nothing. */
export interface SocketPeer {
  send(message: string | Uint8Array, isBinary: boolean): Sent;
  /** Bytes that the client has not taken yet. */
  buffered(): number;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Sends a close frame behind what was sent. `closed` of its handler is called before this returns. */
  end(code: number, reason: string): void;
}

/** What is done with one socket. Nothing here may throw: it would end the process. */
export interface SocketHandler {
  /** `bytes` are valid until this returns. */
  message(bytes: Uint8Array, isBinary: boolean): void;
  /** A published message found the buffer full and is lost to this socket. */
  dropped(): void;
  /** The client has taken some of what was buffered. */
  drained(): void;
  closed(): void;
}

export interface Accepted {
  readonly protocol: string;
  readonly open: (peer: SocketPeer) => SocketHandler;
}

/** Publishes to every socket that subscribed to a topic: one message, made once. */
export interface Publisher {
  publish(topic: string, message: string | Uint8Array, isBinary: boolean): void;
}

/** How a crowd that comes at once is let in, so that whoever is there goes on being served. */
export interface Entry {
  /** Each second, while others wait for answers, and while nobody does. */
  readonly busyPerSecond: number;
  readonly calmPerSecond: number;
  /** Of those who ask for a socket; more are turned away. */
  readonly waitingMax: number;
}

export interface SocketRoute {
  /** Also that of a route in the table, which answers who asks without an upgrade. */
  readonly path: string;
  /** Above it the connection is cut without a word. */
  readonly maxPayloadBytes: number;
  /** Per socket, of what it has not taken; published messages above it are dropped. */
  readonly maxBufferedBytes: number;
  /** A socket without a sign of life for so long is closed; pings are sent by themselves. */
  readonly idleSeconds: number;
  readonly entry: Entry;
  /** Called once, before it listens. */
  attach(publisher: Publisher): void;
  /** Whether and as what it is opened. */
  upgrade(asked: Upgrade): Accepted | ProblemInput;
  /** Commands that wait for their answer. */
  inFlight(): number;
  /** The server drains: says goodbye to every socket. */
  goodbye(): void;
  /** Ends every socket. */
  close(): void;
}

/** Values of Sec-WebSocket-Protocol. */
export function protocolsOf(header: string): string[] {
  return header
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
