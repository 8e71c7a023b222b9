/** Schedules by their vendor: what POST /v1/sales answers for one; reading and ending it. */
import type { Ctx, Route } from '../../platform/http/route.ts';
import type { ScheduleDocument, VendorOutcome } from '../../engine/index.ts';
import { vendorOf } from '../api.ts';
import type { Api } from '../api.ts';
import { timeText, timeTextOrNull } from '../clock-text.ts';
import { vendorSaleJson } from '../documents.ts';
import { notFound, vendorProblem } from '../refusals.ts';
import { idParams, scheduleIdPattern } from '../schemas/common.ts';
import { scheduleAnswer } from '../schemas/schedules.ts';

const common = {
  half: 'sale',
  auth: 'vendor',
  params: idParams(scheduleIdPattern),
  path: '/v1/schedules/{id}',
  idempotencyKey: 'none',
} as const;

export function scheduleRoutes(api: Api): Route[] {
  return [readRoute(api), endRoute(api)];
}

function readRoute(api: Api): Route {
  return {
    ...common,
    id: 'getSchedule',
    method: 'GET',
    summary: 'A schedule',
    description: 'With the sales that it has made and that have not ended, at most 20.',
    responses: { 200: scheduleAnswer },
    errors: ['not_found', 'unavailable'],
    handle: async (ctx) => {
      const found = await api.engine.schedule(vendorOf(ctx), ctx.param('id'));
      if (found === null) ctx.problem(notFound);
      else ctx.reply(200, scheduleJson(found, api));
    },
  };
}

function endRoute(api: Api): Route {
  return {
    ...common,
    id: 'endSchedule',
    method: 'DELETE',
    summary: 'Make no further sales',
    description: 'Those that it has made stay: each can be cancelled by itself.',
    responses: { 200: scheduleAnswer },
    errors: ['not_found', 'unavailable'],
    handle: async (ctx) => {
      const outcome = await api.engine.endSchedule(vendorOf(ctx), ctx.param('id'));
      if (outcome.kind === 'done') ctx.reply(200, scheduleJson(outcome.value, api));
      else ctx.problem(vendorProblem(outcome, false));
    },
  };
}

/** 201 with the sales of the first week. */
export function answerMadeSchedule(
  ctx: Ctx,
  { currency, now }: Api,
  outcome: VendorOutcome<{ id: string; sales: ScheduleDocument['sales'] }>,
): void {
  if (outcome.kind !== 'done') {
    ctx.problem(vendorProblem(outcome, ctx.idempotencyKey !== ''));
    return;
  }
  const { id, sales } = outcome.value;
  const body = {
    schedule_id: id,
    sales: sales.map((terms) => vendorSaleJson(terms, null, now(), currency)),
  };
  const replayed = outcome.replayed ? { 'idempotent-replayed': 'true' } : {};
  ctx.reply(201, body, { location: `/v1/schedules/${id}`, ...replayed });
}

function scheduleJson(schedule: ScheduleDocument, { currency, now }: Api): Record<string, unknown> {
  return {
    id: schedule.id,
    state: schedule.state,
    local_time: schedule.localTime,
    time_zone: schedule.timeZone,
    dates: schedule.dates,
    rrule: schedule.rrule,
    sales: schedule.sales.map((terms) => vendorSaleJson(terms, null, now(), currency)),
    next_starts_at: timeTextOrNull(schedule.nextBellAt),
    notice: schedule.notice,
    created_at: timeText(schedule.createdAt),
    server_time: timeText(now()),
  };
}
