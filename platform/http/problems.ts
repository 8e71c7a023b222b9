/**
 * The one table of problem codes (RFC 9457). A code, once published, keeps its status and meaning.
 * docs/errors.md and /docs/errors are written from it.
 */

interface ProblemRow {
  readonly status: number;
  readonly title: string;
  /** What it means and what the caller can do. */
  readonly meaning: string;
}

const rows = {
  invalid_request: {
    status: 400,
    title: 'The request is not valid',
    meaning:
      'A field, parameter or header is malformed or out of range; `param` names it. Nothing was changed.',
  },
  unknown_field: {
    status: 400,
    title: 'A field is unknown',
    meaning:
      'The route has no such field or parameter; the detail names the place for it, where there is one.',
  },
  idempotency_key_required: {
    status: 400,
    title: 'An Idempotency-Key is required',
    meaning:
      'Send an `Idempotency-Key` header of 1 to 255 characters, new for each new intention, the same for a retry.',
  },
  unauthenticated: {
    status: 401,
    title: 'Who are you?',
    meaning: 'The bearer token or API key is missing, malformed, expired or revoked.',
  },
  payment_declined: {
    status: 402,
    title: 'The payment was declined',
    meaning:
      'The provider refused the means of payment. The hold stays until its deadline: try another.',
  },
  forbidden: {
    status: 403,
    title: 'Not allowed',
    meaning:
      'The caller is known but may not do this, such as a guest in a sale for verified shoppers.',
  },
  sale_not_started: {
    status: 403,
    title: 'The sale has not started',
    meaning: 'Come back at `starts_at`; `server_time` tells how far away it is.',
  },
  not_admitted: {
    status: 403,
    title: 'It is not your turn',
    meaning: 'The sale has a line: join it and wait until the ticket is admitted.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    meaning: 'There is no such thing, or it is somebody else’s.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path exists; the `Allow` header lists its methods.',
  },
  sold_out: {
    status: 409,
    title: 'Sold out',
    meaning:
      'Fewer units are free than asked for. `available` counts them in a flash sale; `may_return` is true while others are only held.',
  },
  limit_reached: {
    status: 409,
    title: 'Your limit is reached',
    meaning:
      'Holds and purchases of this shopper in this sale would exceed the limit per shopper; or a join would be the 17th ticket of this shopper in this sale.',
  },
  lines_refused: {
    status: 409,
    title: 'Lines are in the way',
    meaning:
      'Nothing is held: `errors` names each line that is in the way, with its own code. An order whose first such line is refused by a 409 or 422 has the code of that line.',
  },
  insufficient_supply: {
    status: 409,
    title: 'Not enough supply',
    meaning: 'The product has fewer free units than the sale wants to fence.',
  },
  illegal_transition: {
    status: 409,
    title: 'Not possible in this state',
    meaning:
      'The order or sale is in a state that does not allow this; `next_states` lists what it allows.',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'The same command is being worked on',
    meaning:
      'Not answered by this version: a request that is still being worked on is 503 `unavailable`.',
  },
  settling: {
    status: 409,
    title: 'Still settling',
    meaning:
      'Not answered by this version: what is recorded and not in the books yet is 503 `unavailable`.',
  },
  attempt_open: {
    status: 409,
    title: 'A payment attempt is open',
    meaning: 'Not answered by this version: a payment ends with its request.',
  },
  draw_closed: {
    status: 409,
    title: 'The draw is closed',
    meaning: 'Entries were taken until the bell.',
  },
  sale_ended: {
    status: 410,
    title: 'The sale has ended',
    meaning: 'No more holds are taken. Holds that live may still be paid until their deadline.',
  },
  hold_expired: {
    status: 410,
    title: 'The hold has expired',
    meaning: 'Its units went back on sale. Hold again with a new key.',
  },
  too_large: {
    status: 413,
    title: 'The body is too large',
    meaning: 'Most routes take 16 KB; the detail names the limit.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'Send `Content-Type: application/json`, UTF-8.',
  },
  undeliverable: {
    status: 422,
    title: 'Cannot be delivered there',
    meaning:
      'The product is not delivered to this address, or only to some of its postal codes and none was sent: `param` says which.',
  },
  details_required: {
    status: 422,
    title: 'E-mail and address are required',
    meaning: 'An order needs both before it can be paid.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'The Idempotency-Key was used for something else',
    meaning: 'The same key came with another body. Use a new key for a new intention.',
  },
  unsupported: {
    status: 422,
    title: 'Not supported yet',
    meaning: 'The contract knows this; this version does not do it yet.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    meaning:
      'Wait for `retry_after_ms`. From the third hold on that a shopper lets go in a sale, the next one there has to wait, 15 s and longer each time.',
  },
  line_full: {
    status: 429,
    title: 'The line is full',
    meaning: 'The sale’s line takes no more tickets now: wait for `retry_after_ms`.',
  },
  internal: {
    status: 500,
    title: 'Something went wrong on our side',
    meaning:
      'A defect of ours, logged under `request_id`. Whether it had an effect is unknown: ask again with the same key.',
  },
  unavailable: {
    status: 503,
    title: 'Unavailable for the moment',
    meaning:
      'Something behind us did not answer in time. The outcome is unknown: ask again with the same key.',
  },
  sale_paused: {
    status: 503,
    title: 'The sale is paused',
    meaning: 'The vendor or an operator stopped it for the moment: wait for `retry_after_ms`.',
  },
} as const satisfies Record<string, ProblemRow>;

export type ProblemCode = keyof typeof rows;

export const problemTable: Readonly<Record<ProblemCode, ProblemRow>> = rows;

export const problemCodes = Object.keys(rows) as readonly ProblemCode[];

export interface ProblemMore {
  /** The field, parameter or header in question: `items.0.price`. */
  readonly param?: string;
  /** Several things in the way, such as the lines of a cart. */
  readonly errors?: readonly Readonly<Record<string, unknown>>[];
  /** Also sent as Retry-After in whole seconds. */
  readonly retryAfterMs?: number;
  /** Further members in snake_case, such as `starts_at` or `available`. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ProblemInput extends ProblemMore {
  readonly code: ProblemCode;
  /** One sentence for this very case. */
  readonly detail: string;
}

export function problem(code: ProblemCode, detail: string, more?: ProblemMore): ProblemInput {
  return more === undefined ? { code, detail } : { ...more, code, detail };
}

/** A problem on its way up: thrown where a value would have to pass through many hands. */
export class ProblemError extends Error {
  readonly problem: ProblemInput;

  constructor(input: ProblemInput) {
    super(`${input.code}: ${input.detail}`);
    this.name = 'ProblemError';
    this.problem = input;
  }
}

/** Throws a ProblemError. */
export function refuse(code: ProblemCode, detail: string, more?: ProblemMore): never {
  throw new ProblemError(problem(code, detail, more));
}

export function statusOf(code: ProblemCode): number {
  return rows[code].status;
}

interface Preformatted {
  readonly status: number;
  readonly head: string;
}

const formatted = new Map<ProblemCode, Preformatted>(
  problemCodes.map((code) => {
    const { status, title } = rows[code];
    const type = `/docs/errors#${code}`;
    const head = JSON.stringify({ type, title, status, code }).slice(0, -1);
    return [code, { status, head: `${head},"detail":` }];
  }),
);

type Texts = readonly [before: string, after: string];

/** Of a body all but the request id. Built by hand: a sold-out sale answers little else. */
function textsOf(input: ProblemInput): Texts {
  const head = formatted.get(input.code)?.head ?? '{"detail":';
  let after = '"';
  if (input.param !== undefined) after += `,"param":${JSON.stringify(input.param)}`;
  if (input.errors !== undefined) after += `,"errors":${JSON.stringify(input.errors)}`;
  if (input.retryAfterMs !== undefined) {
    after += `,"retry_after_ms":${Math.ceil(input.retryAfterMs)}`;
  }
  if (input.extra !== undefined) after += membersOf(input.extra);
  return [`${head}${quoted(input.detail)},"request_id":"`, `${after}}`];
}

const ready = new WeakMap<ProblemInput, Texts>();

/** Text in one piece: what is put together by `+` is a tree of pieces, read through at each use. */
const inOnePiece = (text: string): string => Buffer.from(text).toString();

/** The same problem with its text made once: for what a crowd is answered. It must not change. */
export function readied(input: ProblemInput): ProblemInput {
  const [before, after] = textsOf(input);
  ready.set(input, [inOnePiece(before), inOnePiece(after)]);
  return input;
}

/** The body of a problem. */
export function problemJson(input: ProblemInput, requestId: string): string {
  const [before, after] = ready.get(input) ?? textsOf(input);
  return before + requestId + after;
}

/** `,"name":value…`: JSON.stringify of a small object costs twice as much. */
function membersOf(extra: Readonly<Record<string, unknown>>): string {
  let json = '';
  for (const name of Object.keys(extra)) {
    const value = extra[name];
    if (typeof value === 'boolean' || Number.isInteger(value)) {
      json += `,${quoted(name)}:${String(value)}`;
    } else if (value !== undefined) {
      json += `,${quoted(name)}:${JSON.stringify(value)}`;
    }
  }
  return json;
}

const quotedMax = 512;
const quotedTexts = new Map<string, string>();

/** JSON of a text; names and most details are few and come again and again. */
function quoted(text: string): string {
  let json = quotedTexts.get(text);
  if (json === undefined) {
    json = JSON.stringify(text);
    if (quotedTexts.size < quotedMax) quotedTexts.set(text, json);
  }
  return json;
}

/** `Retry-After`: whole seconds, at least one. */
export function retryAfterSeconds(retryAfterMs: number): string {
  return String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
}

/** docs/errors.md, whole. */
export function errorsMarkdown(): string {
  const lines = problemCodes.map((code) => {
    const { status, title, meaning } = rows[code];
    return `| <a id="${code}"></a>\`${code}\` | ${status} | ${title} | ${meaning} |`;
  });
  return `${errorsIntro}| code | status | title | meaning |\n|---|---|---|---|\n${lines.join('\n')}\n`;
}

const errorsIntro = `# Errors

Every refusal and every failure is \`application/problem+json\` with \`type\`, \`title\`, \`status\`, \`detail\`,
\`code\`, \`request_id\`, and where it helps \`param\`, \`errors[]\`, \`retry_after_ms\` (with \`Retry-After\`).
Branch on \`code\`; \`detail\` is for people and may change. A refusal had no effect and is not stored.
What is no HTTP/1.1, or has more than 4 KB or 100 lines of head, never gets as far: it is answered 400, 431
or 505 in HTML, or cut off after ten seconds, and its connection is closed.
This page is written from the table that the server answers from (\`platform/http/problems.ts\`).

`;
