/** Values that a field of a kind must refuse, and what each is called. */
import { productId } from './fake-engine.ts';

export type Kind =
  'whole' | 'decimal' | 'text' | 'id' | 'money' | 'time' | 'word' | 'flag' | 'object' | 'list';

export interface Field {
  /** Dotted: `items.0.price`. */
  readonly path: string;
  readonly kind: Kind;
  /** 0 is a value like any other. */
  readonly zero?: true;
  readonly negative?: true;
  readonly fraction?: true;
  /** '' is a value like any other. */
  readonly empty?: true;
}

export interface BadValue {
  readonly what: string;
  readonly value: unknown;
  /** Where the problem is, below the field; '' = the field itself. */
  readonly code?: 'unknown_field';
}

/** Stands for a number that JSON can say and JavaScript cannot. */
export const hugeNumber = '\u0001huge\u0001';

const notNumbers: readonly BadValue[] = [
  { what: 'null', value: null },
  { what: 'a text', value: '5' },
  { what: 'true', value: true },
  { what: 'a list', value: [5] },
  { what: 'an object', value: { a: 5 } },
];

const notTexts: readonly BadValue[] = [
  { what: 'null', value: null },
  { what: 'a number', value: 7 },
  { what: 'true', value: true },
  { what: 'a list', value: ['a'] },
  { what: 'an object', value: { a: 'a' } },
];

const notObjects: readonly BadValue[] = [
  { what: 'null', value: null },
  { what: 'a number', value: 7 },
  { what: 'a text', value: 'a' },
  { what: 'true', value: true },
];

function numbers(field: Field): BadValue[] {
  return [
    ...notNumbers,
    { what: 'a number beyond JavaScript', value: hugeNumber },
    { what: '1e300', value: 1e300 },
    ...(field.zero === true ? [] : [{ what: '0', value: 0 }]),
    ...(field.negative === true ? [] : [{ what: 'negative', value: -1 }]),
    ...(field.fraction === true ? [] : [{ what: 'a fraction', value: 1.5 }]),
    ...(field.kind === 'whole' ? [{ what: '2^53', value: 2 ** 53 }] : []),
  ];
}

function texts(field: Field): BadValue[] {
  return [
    ...notTexts,
    ...(field.empty === true ? [] : [{ what: 'empty', value: '' }]),
    { what: 'too long', value: 'x'.repeat(12_000) },
    { what: 'with a NUL', value: 'a\u0000b' },
    { what: 'with half a character', value: 'a\ud800' },
  ];
}

function moneys(field: Field): BadValue[] {
  const amounts = numbers({ ...field, kind: 'whole' });
  return [
    ...notObjects,
    { what: 'a list', value: [] },
    { what: 'empty', value: {} },
    { what: 'without a currency', value: { amount: 5 } },
    { what: 'without an amount', value: { currency: 'USD' } },
    { what: 'in another currency', value: { amount: 5, currency: 'EUR' } },
    { what: 'in a currency of small letters', value: { amount: 5, currency: 'usd' } },
    { what: 'with more', value: { amount: 5, currency: 'USD', x: 1 }, code: 'unknown_field' },
    ...amounts.map(({ what, value }) => ({
      what: `of ${what}`,
      value: { amount: value, currency: 'USD' },
    })),
  ];
}

/** All that this field must refuse. */
export function badValuesOf(field: Field): BadValue[] {
  switch (field.kind) {
    case 'whole':
    case 'decimal':
      return numbers(field);
    case 'text':
      return texts(field);
    case 'id':
      return [
        ...texts(field),
        { what: 'of another kind', value: `sal_${productId.slice(4)}` },
        { what: 'a path', value: '../../etc' },
        { what: 'SQL', value: "' OR 1=1 --" },
        { what: 'with a line break', value: `${productId}\n` },
      ];
    case 'money':
      return moneys(field);
    case 'time':
      return [
        ...texts(field),
        { what: 'a word', value: 'noon' },
        { what: 'a date', value: '2030-06-01' },
        { what: 'without a zone', value: '2030-06-01T12:00:00' },
        { what: 'in month 13', value: '2030-13-01T12:00:00Z' },
        { what: 'on February 30', value: '2030-02-30T12:00:00Z' },
        { what: 'at 25 o’clock', value: '2030-06-01T25:00:00Z' },
      ];
    case 'word':
      return [...texts(field), { what: 'unknown', value: 'something' }];
    case 'flag':
      return [
        { what: 'null', value: null },
        { what: 'a number', value: 1 },
        { what: 'a text', value: 'true' },
        { what: 'a list', value: [true] },
      ];
    case 'object':
      return [...notObjects, { what: 'a list', value: [] }];
    case 'list':
      return [...notObjects, { what: 'an object', value: {} }];
  }
}

type Json = Record<string, unknown>;

/** A copy with the value put at a dotted path; undefined takes the field out. */
export function withValue(body: unknown, path: string, value: unknown): unknown {
  const copy = structuredClone(body) as Json;
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let place = copy;
  for (const step of steps) place = place[step] as Json;
  if (value === undefined) Reflect.deleteProperty(place, last);
  else place[last] = value;
  return copy;
}

/** JSON text, with numbers in it that JavaScript has not. */
export function textOf(body: unknown): string {
  return JSON.stringify(body).replaceAll(JSON.stringify(hugeNumber), '1e999');
}
