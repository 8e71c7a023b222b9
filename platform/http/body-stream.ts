/**
 * A body that is taken while it comes: cut into pieces of one size, one taken after the other, the
 * sender made to wait meanwhile. Never more than two pieces and what one read of the socket gives
 * are in memory, however large the body is.
 */
import { Fault } from '../fault.ts';

/** What is needed of the server's response. */
export interface Pausable {
  pause(): unknown;
  resume(): unknown;
}

export type TakePiece = (piece: Buffer) => Promise<void>;

/** Said to the handler of a body that did not come to its end: nobody waits for an answer. */
export const bodyCut = (): Fault =>
  new Fault('body_cut', 'the client left before the body had ended', { retryable: true });

export class BodyStream {
  readonly #source: Pausable;
  readonly #bytesMax: number;
  readonly #tooLarge: () => Error;
  #chunks: Buffer[] = [];
  #waiting = 0;
  #bytes = 0;
  #ended = false;
  #paused = false;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;
  #discards = false;

  constructor(source: Pausable, bytesMax: number, tooLarge: () => Error) {
    this.#source = source;
    this.#bytesMax = bytesMax;
    this.#tooLarge = tooLarge;
    this.#pause();
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The chunk is a copy. */
  push(chunk: Buffer, isLast: boolean): void {
    this.#bytes += chunk.length;
    this.#ended = isLast;
    if (this.#bytes > this.#bytesMax) this.#failure ??= this.#tooLarge();
    else if (!this.#discards) {
      this.#chunks.push(chunk);
      this.#waiting += chunk.length;
    }
    // At its end it must read on: the next request may come by the same connection.
    if (isLast || this.#discards || this.#failure !== null) this.#resume();
    else this.#pause();
    this.#wake?.();
  }

  /** The client is gone. */
  cut(): void {
    // The response is gone, and must not be touched.
    this.#paused = false;
    this.#failure ??= bodyCut();
    this.#wake?.();
  }

  /** What has come and what comes is thrown away. */
  discard(): void {
    this.#discards = true;
    this.#chunks = [];
    this.#waiting = 0;
    this.#resume();
  }

  /**
   * Resolves with the length of the body once `take` has had all of it, in pieces of `pieceBytes`
   * but for the last. Throws what `take` throws, a Fault when the client left, and the refusal of a
   * body that is too large.
   */
  async pieces(pieceBytes: number, take: TakePiece): Promise<number> {
    for (;;) {
      while (this.#waiting < pieceBytes && !this.#ended && this.#failure === null) {
        await this.#more();
      }
      if (this.#failure !== null) throw this.#failure;
      if (this.#waiting === 0) return this.#bytes;
      await take(this.#cutOff(Math.min(pieceBytes, this.#waiting)));
    }
  }

  #more(): Promise<void> {
    const coming = new Promise<void>((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
    this.#resume();
    return coming;
  }

  #cutOff(bytes: number): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    const rest = all?.subarray(bytes) ?? Buffer.alloc(0);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#waiting = rest.length;
    return all?.subarray(0, bytes) ?? rest;
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#source.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#source.resume();
  }
}
