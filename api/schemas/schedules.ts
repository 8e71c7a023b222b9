/** Schemas of schedules: what is said of one. */
import { answer, list, oneOf, text, textOrNull, time, timeOrNull } from './common.ts';
import { ownSaleAnswer } from './sales.ts';

const notice = {
  type: ['object', 'null'],
  additionalProperties: true,
  description: 'Why the next sale could not be made',
};

/** What POST /v1/sales answers to a body with a `schedule`. */
export const madeScheduleAnswer = answer({ schedule_id: text(40), sales: list(ownSaleAnswer) });

const fields = {
  id: text(40),
  state: oneOf('active', 'ended', 'cancelled'),
  local_time: text(8),
  time_zone: text(64),
  dates: { type: ['array', 'null'], items: { type: 'string', format: 'date' } },
  rrule: textOrNull,
  next_starts_at: { ...timeOrNull, description: 'The next bell that has no sale yet' },
  notice,
  created_at: time,
};

/** One of a list. */
export const scheduleSummary = answer(fields);

export const scheduleAnswer = answer({ ...fields, sales: list(ownSaleAnswer), server_time: time });
