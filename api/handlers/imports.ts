/**
 * POST /v1/products/import and the job that it begins. The file goes into Postgres while it comes;
 * its rows are registrations by the rules of POST /register-product, done by the worker.
 */
import { refuse } from '../../platform/http/problems.ts';
import type { Ctx, Route } from '../../platform/http/route.ts';
import type { ImportJob, ImportedFile } from '../../engine/index.ts';
import { vendorOf } from '../api.ts';
import type { Api } from '../api.ts';
import { notFound, vendorProblem } from '../refusals.ts';
import { answer, count, idParams, list, object, oneOf } from '../schemas/common.ts';
import { time, timeOrNull } from '../schemas/common.ts';

const importMaxBytes = 256 * 1024 * 1024;
const importsPerMinute = 600;

const jobIdPattern = '^job_[0-9a-z]{8,60}$';

const jobAnswer = answer(
  {
    id: { type: 'string', pattern: jobIdPattern },
    status: oneOf('running', 'done', 'failed'),
    dry_run: { type: 'boolean' },
    rows: count,
    done: count,
    refused: { ...count, description: 'Of `done`, rows at fault' },
    errors: list(answer({ row: count, code: { type: 'string' }, detail: { type: 'string' } }), {
      description: 'The first 1,000 at most: `errors_cut` says whether there are more',
    }),
    errors_cut: { type: 'boolean' },
    created_at: time,
    ended_at: timeOrNull,
  },
  [],
);

export function importRoutes(api: Api): Route[] {
  return [importRoute(api), jobRoute(api)];
}

const description =
  'NDJSON: a registration on each line. CSV, with commas and a header of registered fields: ' +
  '`attributes.color` is a member, `images` are parted by spaces, and `price`, `attributes`, ' +
  '`options` and `delivery` may be JSON; an empty cell is a field that is not there. Each row is a ' +
  'registration as by POST /register-product, of 64 KB at most, and one at fault costs itself only. ' +
  '`variant_of` may name an earlier row: `row:12`. A SKU that is there twice makes two products. ' +
  'Answered once all of the file is kept; a file that was cut is forgotten. A vendor has two files ' +
  'coming in at a time in each process and 20 imports that have not ended; more are 429.';

function importRoute({ engine }: Api): Route {
  return {
    id: 'importProducts',
    method: 'POST',
    path: '/v1/products/import',
    half: 'sale',
    auth: 'vendor',
    summary: 'Import products',
    description,
    query: object({
      dry_run: { type: 'boolean', default: false, description: 'Only says what is wrong' },
    }),
    bodyMode: 'stream',
    consumes: ['application/x-ndjson', 'text/csv'],
    maxBodyBytes: importMaxBytes,
    idempotencyKey: 'optional',
    rateLimit: { name: 'imports', perMinute: importsPerMinute },
    responses: {
      202: answer({
        id: { type: 'string', pattern: jobIdPattern },
        status_url: { type: 'string' },
      }),
    },
    errors: ['idempotency_key_reused', 'rate_limited', 'unavailable'],
    handle: async (ctx) => {
      const file: ImportedFile = {
        format: formatOf(ctx),
        dryRun: ctx.query['dry_run'] === true,
        ...(ctx.idempotencyKey === '' ? {} : { idempotencyKey: ctx.idempotencyKey }),
        readBody: (pieceBytes, take) => ctx.readBody(pieceBytes, take),
      };
      const outcome = await engine.importProducts(vendorOf(ctx), file);
      if (outcome.kind !== 'done') {
        ctx.problem(vendorProblem(outcome, ctx.idempotencyKey !== ''));
        return;
      }
      const { id } = outcome.value;
      const location = `/v1/jobs/${id}`;
      const headers = outcome.replayed ? { location, 'idempotent-replayed': 'true' } : { location };
      ctx.reply(202, { id, status_url: location }, headers);
    },
  };
}

const formats: Readonly<Record<string, ImportedFile['format']>> = {
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
  'text/csv': 'csv',
};

/** Refuses another type, another charset than UTF-8, and what is compressed. */
function formatOf(ctx: Ctx): ImportedFile['format'] {
  const [type = '', ...parameters] = (ctx.header('content-type') ?? '').toLowerCase().split(';');
  const format = formats[type.trim()];
  const charset = parameters.map((one) => one.trim()).find((one) => one.startsWith('charset='));
  const isUtf8 = charset === undefined || /^charset="?(utf-8|us-ascii)"?$/.test(charset);
  const encoding = ctx.header('content-encoding') ?? 'identity';
  if (format === undefined || !isUtf8 || encoding !== 'identity') {
    const detail = 'Send application/x-ndjson or text/csv, in UTF-8 and not compressed.';
    refuse('unsupported_media_type', detail);
  }
  return format;
}

function jobRoute({ engine }: Api): Route {
  return {
    id: 'getJob',
    method: 'GET',
    path: '/v1/jobs/{id}',
    half: 'sale',
    auth: 'vendor',
    summary: 'How far an import is',
    description:
      'Rows count from 1, without the header of a CSV file and without empty lines; `rows` grows ' +
      'from 0 once they were counted. `failed` = the file could not be read as a whole.',
    params: idParams(jobIdPattern),
    idempotencyKey: 'none',
    responses: { 200: jobAnswer },
    errors: ['not_found', 'unavailable'],
    handle: async (ctx) => {
      const job = await engine.importJob(vendorOf(ctx), ctx.param('id'));
      if (job === null) ctx.problem(notFound);
      else ctx.reply(200, jobJson(job));
    },
  };
}

function jobJson(job: ImportJob): object {
  const { id, status, rows, done, refused, errors, createdAt, endedAt } = job;
  return {
    ...{ id, status, dry_run: job.dryRun, rows: rows ?? 0, done, refused, errors },
    errors_cut: refused > errors.length,
    created_at: createdAt.toISOString(),
    ended_at: endedAt?.toISOString() ?? null,
  };
}
