/**
 * From a record of a file to a registration by the rules of POST /register-product, or to what is
 * wrong with it. Pure.
 */
import { parse } from 'csv-parse/sync';
import { ProblemError } from '../../platform/http/problems.ts';
import type { ProblemCode } from '../../platform/http/problems.ts';
import { badValue, decodeUtf8 } from '../../platform/http/text.ts';
import { Validators } from '../../platform/http/validate.ts';
import { object } from '../../platform/http/schemas.ts';
import { checkRegistration, priceOf } from '../registration/rules.ts';
import type { RegistrationBody } from '../registration/rules.ts';
import { registeredFields, registrationBody } from '../registration/schema.ts';
import type { FileRecord, ImportFormat } from './records.ts';

export interface RowError {
  /** From 1, without a header and without empty lines. */
  readonly row: number;
  readonly code: ProblemCode;
  readonly detail: string;
}

export interface GoodRow {
  readonly row: number;
  /** As it is kept: with `price` in minor units. */
  readonly body: RegistrationBody;
  /** The row of the same file that it is a variant of. */
  readonly variantOfRow: number | null;
}

export type Row = GoodRow | RowError;

/** `variant_of` of a row may name an earlier row of its file. */
const rowName = /^row:([1-9]\d{0,8})$/;

const validator = new Validators().body(
  object(
    {
      ...registeredFields,
      variant_of: {
        anyOf: [registeredFields.variant_of, { type: 'string', pattern: rowName.source }],
      },
    },
    registrationBody['required'] as readonly string[],
    { 'x-unknown': registrationBody['x-unknown'] },
  ),
);

class BadRow extends Error {
  readonly code: ProblemCode;

  constructor(code: ProblemCode, detail: string) {
    super(detail);
    this.code = code;
  }
}

const faults = {
  too_long: { code: 'too_large', detail: 'the row has more than 64 KB' },
  open_quote: { code: 'invalid_request', detail: 'a quoted field is not closed' },
} as const;

/** `columns` are those of a CSV file. */
export function readRow(
  { bytes, fault }: FileRecord,
  row: number,
  columns: readonly string[] | null,
  currency: string,
): Row {
  try {
    if (fault !== null) throw new BadRow(faults[fault].code, faults[fault].detail);
    const text = decodeUtf8(bytes);
    if (text === undefined) throw new BadRow('invalid_request', 'the row is not UTF-8');
    return checked(columns === null ? fromJson(text) : fromCsv(text, columns), row, currency);
  } catch (error) {
    if (error instanceof BadRow) return { row, code: error.code, detail: error.message };
    if (!(error instanceof ProblemError)) throw error;
    return { row, code: error.problem.code, detail: error.problem.detail };
  }
}

function checked(value: unknown, row: number, currency: string): GoodRow {
  const bad = badValue(value);
  if (bad !== null) {
    const where = bad.param === '' ? 'the row' : `\`${bad.param}\``;
    throw new BadRow('invalid_request', `${where}: ${bad.detail}`);
  }
  const problem = validator(value);
  if (problem !== null) throw new ProblemError(problem);
  const body = value as RegistrationBody;
  checkRegistration(body, currency);
  const named = rowName.exec(body.variant_of ?? '');
  const variantOfRow = named === null ? null : Number(named[1]);
  if (variantOfRow !== null && variantOfRow >= row) {
    throw new BadRow('not_found', '`variant_of` may name an earlier row only');
  }
  return { row, body: { ...body, price: priceOf(body, currency) }, variantOfRow };
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadRow('invalid_request', 'the row is not valid JSON');
  }
}

/** Throws a BadRow. */
function cellsOf(text: string): readonly string[] {
  let records: string[][];
  try {
    records = parse(text, { relax_column_count: true });
  } catch {
    throw new BadRow('invalid_request', 'the row is not valid CSV: look at its quotes');
  }
  return records[0] ?? [];
}

const numeric = new Set(['price_usd', 'remaining_supply', 'price.amount']);
const structured = new Set(['price', 'images', 'attributes', 'options', 'delivery']);
const numberPattern = /^-?\d+(\.\d+)?$/;

/** The columns of a header, or why it is none. `a.b` is the member `b` of `a`. */
export function readHeader({
  bytes,
  fault,
}: FileRecord): { columns: string[] } | Omit<RowError, 'row'> {
  const bad = (detail: string) => ({ code: 'invalid_request', detail }) as const;
  const text = fault === null ? decodeUtf8(bytes) : undefined;
  if (text === undefined) return bad('the header is not a line of CSV in UTF-8');
  let columns: string[];
  try {
    columns = cellsOf(text).map((name) => name.trim());
  } catch (error) {
    if (error instanceof BadRow) return bad(`the header: ${error.message}`);
    throw error;
  }
  const unknown = columns.find(
    (name) => !Object.hasOwn(registeredFields, name.split('.')[0] ?? ''),
  );
  if (unknown !== undefined) {
    return { code: 'unknown_field', detail: `the column \`${unknown.slice(0, 64)}\` is unknown` };
  }
  const twice = columns.find((name, i) => columns.indexOf(name) !== i);
  return twice === undefined ? { columns } : bad(`the column \`${twice}\` is there twice`);
}

/** Empty cells are fields that are not there. */
function fromCsv(text: string, columns: readonly string[]): object {
  const cells = cellsOf(text);
  if (cells.length !== columns.length) {
    const detail = `the row has ${cells.length} fields, the header ${columns.length}`;
    throw new BadRow('invalid_request', detail);
  }
  const body: Record<string, unknown> = {};
  columns.forEach((column, i) => {
    const cell = cells[i] ?? '';
    if (cell === '') return;
    const [name = '', ...rest] = column.split('.');
    const value = valueOf(column, cell);
    if (rest.length === 0) body[name] = value;
    else body[name] = { ...(body[name] as object | undefined), [rest.join('.')]: value };
  });
  // A registration has a description, which a table may lack.
  return 'description' in body ? body : { ...body, description: '' };
}

function valueOf(column: string, cell: string): unknown {
  if (numeric.has(column)) return numberPattern.test(cell.trim()) ? Number(cell) : cell;
  if (!structured.has(column)) return cell;
  const text = cell.trim();
  if (column === 'images' && !text.startsWith('[')) return text.split(/[\s|]+/);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new BadRow('invalid_request', `\`${column}\` is not valid JSON`);
  }
}

export const isError = (row: Row): row is RowError => 'code' in row;

export type { ImportFormat };
