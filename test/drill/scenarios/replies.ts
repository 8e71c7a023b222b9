/** What asking again and again got: accepted, told to come again, or what must not come. */
export interface Said {
  readonly status: number;
  readonly body: string;
}

export class Replies {
  accepted = 0;
  /** 503, or no answer at all. */
  comeAgain = 0;
  /** Any other, the first of each status. */
  readonly odd = new Map<number, string>();

  /** Answers whether it was accepted. */
  count(reply: Said | null): boolean {
    if (reply?.status === 201) this.accepted += 1;
    else if (reply === null || reply.status === 503) this.comeAgain += 1;
    else if (!this.odd.has(reply.status)) this.odd.set(reply.status, reply.body.slice(0, 200));
    return reply?.status === 201;
  }

  get oddOnes(): string {
    if (this.odd.size === 0) return 'none';
    return [...this.odd].map(([status, body]) => `${status} ${body}`).join('; ');
  }
}
