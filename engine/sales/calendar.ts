/**
 * When the bells of a schedule ring: a local time in an IANA zone, on dates or by an RRULE. A local
 * time that is skipped rings as much later as the clock jumps; one that comes twice rings the first
 * time. Dates are worked out without a zone, so a rule knows nothing of summer time.
 */
import { RRuleTemporal } from 'rrule-temporal';
import { Temporal } from 'temporal-polyfill';
import type { Millis } from '../domain/types.ts';

/** What a vendor asks for; `dates` or `rrule`. */
export interface ScheduleRequest {
  /** `12:00` or `12:00:00`. */
  readonly localTime: string;
  readonly timeZone: string;
  readonly dates?: readonly string[];
  readonly rrule?: string;
}

/** A request that was checked. */
export interface Schedule {
  readonly localTime: string;
  readonly timeZone: string;
  readonly dates: readonly string[] | null;
  readonly rrule: string | null;
  /** The first local date that the rule may name, from which it counts. */
  readonly startsOn: string;
}

export interface Bell {
  /** `2030-06-01`, as it was asked for. */
  readonly localDate: string;
  readonly at: Millis;
}

/** Which field is wrong, below `schedule`. */
export interface Flaw {
  readonly param: string;
  readonly detail: string;
}

const intervalMax = 366;
const countMax = 3660;
/** A rule that names no day within so many of its periods (a year of days) names none. */
const firstPeriodsMax = 400;
/** More than COUNT: a rule that counts is counted from its first day on. */
const periodsMax = 4000;
/** Dates of a schedule lie within so many days. */
const aheadMaxDays = 3660;
const dayMs = 86_400_000;

const zonedAt = (at: Millis, zone: string) =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);

const localDateAt = (at: Millis, zone: string): string =>
  zonedAt(at, zone).toPlainDate().toString();

/** The moment of a local time on a local date. */
export function bellAt(localDate: string, localTime: string, timeZone: string): Millis {
  const local = Temporal.PlainDate.from(localDate).toPlainDateTime(localTime);
  return local.toZonedDateTime(timeZone, { disambiguation: 'compatible' }).epochMilliseconds;
}

const listOf = (item: string): RegExp => new RegExp(`^${item}(,${item}){0,60}$`);
const day = '(MO|TU|WE|TH|FR|SA|SU)';
/** What is out of range must not reach the library: it drops such values, and the rule names more. */
const upTo53 = '0?[1-9]|[1-4][0-9]|5[0-3]';
const upTo31 = '0?[1-9]|[12][0-9]|3[01]';
const upTo366 = '0{0,2}[1-9]|0?[1-9][0-9]|[12][0-9][0-9]|3[0-5][0-9]|36[0-6]';
const signed = (numbers: string): string => `[+-]?(${numbers})`;

/** The parts that a rule may have, and how each looks. */
const parts: Readonly<Record<string, RegExp>> = {
  FREQ: /^(DAILY|WEEKLY|MONTHLY|YEARLY)$/,
  INTERVAL: /^[1-9]\d{0,2}$/,
  COUNT: /^[1-9]\d{0,3}$/,
  UNTIL: /^\d{8}(T\d{6}Z?)?$/,
  BYDAY: listOf(`(${signed(upTo53)})?${day}`),
  BYMONTHDAY: listOf(signed(upTo31)),
  BYYEARDAY: listOf(signed(upTo366)),
  BYWEEKNO: listOf(signed(upTo53)),
  BYMONTH: listOf('(0?[1-9]|1[0-2])'),
  BYSETPOS: listOf(signed(upTo366)),
  WKST: new RegExp(`^${day}$`),
};

/** Where a part that counts days or weeks belongs: RFC 5545, 3.3.10. */
const belongsTo: Readonly<Record<string, RegExp>> = {
  BYWEEKNO: /^YEARLY$/,
  BYYEARDAY: /^YEARLY$/,
  BYMONTHDAY: /^(DAILY|MONTHLY|YEARLY)$/,
};

/** Parts of which the library takes either for both: the rule would name days that it excludes. */
const apart: readonly (readonly [string, string])[] = [
  ['BYYEARDAY', 'BYWEEKNO'],
  ['BYYEARDAY', 'BYMONTHDAY'],
  ['BYYEARDAY', 'BYDAY'],
  ['BYWEEKNO', 'BYMONTHDAY'],
];

/** What is wrong with the parts beside each other; null = nothing. */
function misfit(read: ReadonlyMap<string, string>): string | null {
  const freq = read.get('FREQ') ?? '';
  for (const name of read.keys()) {
    if (belongsTo[name]?.test(freq) === false) return `${name} does not belong to ${freq}`;
  }
  const pair = apart.find((names) => names.every((name) => read.has(name)));
  if (pair !== undefined) return `${pair.join(' and ')} do not go together here`;
  const counted = /\d/.test(read.get('BYDAY') ?? '');
  if (counted && (read.has('BYWEEKNO') || !/^(MONTHLY|YEARLY)$/.test(freq))) {
    return 'BYDAY with a number belongs to MONTHLY or YEARLY, without BYWEEKNO';
  }
  if (counted && freq === 'YEARLY' && read.has('BYMONTHDAY') && !read.has('BYMONTH')) {
    return 'BYDAY with a number of the year and BYMONTHDAY do not go together here';
  }
  return null;
}

/** What a rule says, part by part; or what is wrong with it. */
function readRule(text: string): ReadonlyMap<string, string> | string {
  const read = new Map<string, string>();
  for (const part of text
    .toUpperCase()
    .replace(/^RRULE:/, '')
    .split(';')) {
    const [name = '', value = '', more] = part.split('=');
    const form = Object.hasOwn(parts, name) ? parts[name] : undefined;
    if (form === undefined || more !== undefined) {
      return `\`${name.slice(0, 20)}\` is no part of a rule that names days`;
    }
    if (read.has(name)) return `${name} is there twice`;
    if (!form.test(value)) return `${name} is not what it should be`;
    read.set(name, value);
  }
  if (!read.has('FREQ')) return 'FREQ is missing: DAILY, WEEKLY, MONTHLY or YEARLY';
  if (read.has('COUNT') && read.has('UNTIL')) return 'COUNT and UNTIL exclude each other';
  if (Number(read.get('INTERVAL') ?? 1) > intervalMax) return `INTERVAL is at most ${intervalMax}`;
  if (Number(read.get('COUNT') ?? 1) > countMax) return `COUNT is at most ${countMax}`;
  return misfit(read) ?? read;
}

/**
 * The last local date that UNTIL leaves; a moment in UTC (or a local one) counts as one. The rule
 * itself knows only dates.
 */
function untilDate(until: string, { localTime, timeZone }: ScheduleRequest): string {
  const [date = '', time = ''] = until.split('T');
  const iso = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6, 8)}`;
  const local = Temporal.PlainDate.from(iso, { overflow: 'reject' });
  if (time === '') return iso;
  const clock = `${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4, 6)}`;
  const plain = local.toPlainDateTime(clock);
  const zone = time.endsWith('Z') ? 'UTC' : timeZone;
  const at = plain.toZonedDateTime(zone).epochMilliseconds;
  const last = localDateAt(at, timeZone);
  if (bellAt(last, localTime, timeZone) <= at) return last;
  return Temporal.PlainDate.from(last).subtract({ days: 1 }).toString();
}

function ruleOf(rule: string, startsOn: string, maxIterations = periodsMax): RRuleTemporal {
  const start = startsOn.replaceAll('-', '');
  const rruleString = `DTSTART;TZID=UTC:${start}T000000\nRRULE:${rule}`;
  return new RRuleTemporal({ rruleString, maxIterations });
}

/** A rule as it is stored: its parts, with UNTIL as a date. */
function checkedRule(request: ScheduleRequest, startsOn: string): string | Flaw {
  const flaw = (detail: string): Flaw => ({ param: 'rrule', detail });
  const read = readRule(request.rrule ?? '');
  if (typeof read === 'string') return flaw(read);
  try {
    const rule = [...read].map(([name, value]) =>
      name === 'UNTIL'
        ? `UNTIL=${untilDate(value, request).replaceAll('-', '')}`
        : `${name}=${value}`,
    );
    const text = rule.join(';');
    const first = ruleOf(text, startsOn, firstPeriodsMax).next(
      Temporal.PlainDate.from(startsOn).toZonedDateTime('UTC'),
      true,
    );
    return first === null ? flaw('the rule names no day that is still to come') : text;
  } catch {
    return flaw('the rule cannot be read, or names no day within reach');
  }
}

function checkedDates(request: ScheduleRequest, now: Millis): readonly string[] | Flaw {
  const { dates = [], localTime, timeZone } = request;
  const seen = new Set<string>();
  for (const [i, date] of dates.entries()) {
    const param = `dates.${i}`;
    const at = bellAt(date, localTime, timeZone);
    if (seen.has(date)) return { param, detail: 'the date is there twice' };
    if (at <= now) return { param, detail: 'its bell would have rung' };
    if (at > now + aheadMaxDays * dayMs) return { param, detail: 'it is too far away' };
    seen.add(date);
  }
  if (seen.size === 0) return { param: 'dates', detail: 'there is no date' };
  return [...seen].sort();
}

/** The schedule that is asked for, or what is wrong with it. A rule counts from its first bell on. */
export function checkSchedule(request: ScheduleRequest, now: Millis): Schedule | Flaw {
  const { localTime, timeZone, dates, rrule } = request;
  if ((dates === undefined) === (rrule === undefined)) {
    return { param: 'rrule', detail: '`dates` or `rrule`, one of both' };
  }
  const today = localDateAt(now, timeZone);
  const rung = bellAt(today, localTime, timeZone) <= now;
  const startsOn = Temporal.PlainDate.from(today)
    .add({ days: rung ? 1 : 0 })
    .toString();
  const checked = dates === undefined ? checkedRule(request, startsOn) : checkedDates(request, now);
  if (typeof checked === 'object' && 'param' in checked) return checked;
  const isRule = typeof checked === 'string';
  return {
    ...{ localTime, timeZone, startsOn },
    dates: isRule ? null : checked,
    rrule: isRule ? checked : null,
  };
}

/** Local dates of a schedule from one to another, both included, ascending. */
function datesBetween(of: Schedule, from: string, to: string): readonly string[] {
  if (of.dates !== null) return of.dates.filter((date) => date >= from && date <= to);
  const utc = (date: string) => Temporal.PlainDate.from(date).toZonedDateTime('UTC');
  const rule = ruleOf(of.rrule ?? '', of.startsOn);
  return rule.between(utc(from), utc(to), true).map((at) => at.toPlainDate().toString());
}

/** Bells in [from, to), ascending. Two local dates that a zone makes one moment of ring once. */
export function bellsBetween(of: Schedule, from: Millis, to: Millis): readonly Bell[] {
  const { localTime, timeZone } = of;
  // A day more on either side: a skipped time may fall on the next date.
  const first = localDateAt(from - dayMs, timeZone);
  const bells = datesBetween(of, first, localDateAt(to + dayMs, timeZone))
    .map((localDate) => ({ localDate, at: bellAt(localDate, localTime, timeZone) }))
    .filter(({ at }) => at >= from && at < to);
  return bells.filter(({ at }, i) => bells[i - 1]?.at !== at);
}

/** The next bell at `from` or later; null = it was the last one. */
export function nextBell(of: Schedule, from: Millis): Bell | null {
  const { localTime, timeZone } = of;
  let date = localDateAt(from - dayMs, timeZone);
  for (let tries = 0; tries < 4; tries++) {
    const found = nextDate(of, date);
    if (found === null) return null;
    const at = bellAt(found, localTime, timeZone);
    if (at >= from) return { localDate: found, at };
    date = Temporal.PlainDate.from(found).add({ days: 1 }).toString();
  }
  return null;
}

function nextDate({ dates, rrule, startsOn }: Schedule, from: string): string | null {
  if (dates !== null) return dates.find((date) => date >= from) ?? null;
  const utc = Temporal.PlainDate.from(from).toZonedDateTime('UTC');
  try {
    const found = ruleOf(rrule ?? '', startsOn).next(utc, true);
    return found === null ? null : found.toPlainDate().toString();
  } catch {
    // It has no further day within reach.
    return null;
  }
}
