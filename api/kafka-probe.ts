/**
 * Whether a Kafka broker answers: one ApiVersions request over a plain connection, which is kept
 * from one question to the next. The api needs Kafka for nothing else, so it does not hold a client;
 * and a port that is open is no answer yet.
 */
import { connect, type Socket } from 'node:net';

/** ApiVersions (18) version 0, correlation 1, no client id; after its own length. */
const question = Buffer.from('0000000a001200000000' + '0001' + 'ffff', 'hex');

export interface KafkaProbe {
  /** Rejects unless one of the brokers answers within the time. */
  ask(timeoutMs: number): Promise<void>;
  close(): void;
}

/** Of brokers as `host:port`. Connects when asked. */
export function createKafkaProbe(brokers: readonly string[]): KafkaProbe {
  const lines = brokers.map((broker) => new Line(broker));
  return {
    ask: async (timeoutMs) => {
      await Promise.any(lines.map((line) => line.ask(timeoutMs)));
    },
    close: () => {
      for (const line of lines) line.hangUp(new Error('closing'));
    },
  };
}

/** Apart (no socket) → asked or at rest on one; whatever goes wrong, or comes late, sets it apart. */
class Line {
  readonly #broker: string;
  #socket: Socket | null = null;
  #asking: Promise<void> | null = null;
  #answered: () => void = () => undefined;
  #failed: (why: Error) => void = () => undefined;

  constructor(broker: string) {
    this.#broker = broker;
  }

  /** Whoever asks meanwhile gets the same answer. */
  ask(timeoutMs: number): Promise<void> {
    this.#asking ??= this.#ask(timeoutMs).finally(() => (this.#asking = null));
    return this.#asking;
  }

  #ask(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.hangUp(new Error(`${this.#broker} did not answer`));
      }, timeoutMs);
      this.#answered = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#failed = (why) => {
        clearTimeout(timer);
        reject(why);
      };
      this.#socket ??= this.#open();
      this.#socket.write(question);
    });
  }

  hangUp(why: Error): void {
    this.#socket?.destroy();
    this.#socket = null;
    this.#failed(why);
  }

  #open(): Socket {
    const cut = this.#broker.lastIndexOf(':');
    const port = Number(this.#broker.slice(cut + 1));
    const socket = connect({ host: this.#broker.slice(0, cut), port });
    const lost = (why: Error): void => {
      if (this.#socket === socket) this.hangUp(why);
    };
    socket.on('error', lost);
    socket.on('close', () => {
      lost(new Error(`${this.#broker} closed the connection`));
    });
    // Of an answer in several packets the first will do.
    socket.on('data', () => {
      if (this.#socket === socket) this.#answered();
    });
    return socket;
  }
}
