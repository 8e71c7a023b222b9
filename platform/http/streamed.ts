/**
 * A request whose handler takes the body while it comes (`bodyMode: 'stream'`): who asks, and
 * whether he may, is known before anything is read.
 */
import type { RawResponse, Surroundings } from './answer.ts';
import { BodyStream } from './body-stream.ts';
import type { Pausable, TakePiece } from './body-stream.ts';
import type { BoundRoute } from './bound.ts';
import { Exchange, readRefusedMaxBytes } from './exchange.ts';
import type { RawRequest } from './exchange.ts';
import { ProblemError } from './problems.ts';
import type { ProblemInput } from './problems.ts';

export class StreamedExchange extends Exchange {
  readonly #body: BodyStream;
  #declared = NaN;
  #refusal: ProblemInput | null = null;

  constructor(bound: BoundRoute, around: Surroundings, res: RawResponse & Pausable) {
    super(bound, around, res, false);
    const tooLarge = () => new ProblemError(this.tooLarge());
    this.#body = new BodyStream(res, bound.maxBodyBytes, tooLarge);
  }

  override copy(req: RawRequest): void {
    super.copy(req);
    this.#declared = this.declaredOf(req);
  }

  override onData(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.done) return;
    this.#body.push(Buffer.from(chunk.slice(0)), isLast);
    if (isLast && this.#refusal !== null) super.problem(this.#refusal);
  }

  override onAborted(): void {
    super.onAborted();
    this.#body.cut();
  }

  override readBody(pieceBytes: number, take: TakePiece): Promise<number> {
    return this.#body.pieces(pieceBytes, take);
  }

  /** A refusal waits for a short body to end, so that the client gets to read why; a long one is cut. */
  override problem(problem: ProblemInput): void {
    if (this.done || this.#body.ended) super.problem(problem);
    else if (this.#declared <= readRefusedMaxBytes) {
      this.#refusal ??= problem;
      this.#body.discard();
    } else this.closeWith(problem);
  }

  protected override isAnswered(): boolean {
    return this.done || this.#refusal !== null;
  }

  private closeWith(problem: ProblemInput): void {
    this.closes = true;
    this.#body.discard();
    super.problem(problem);
  }
}
