/** Schedules by their vendor: what POST /v1/sales answers for one; listing, reading and ending them. */
import type { Ctx, Route } from '../../platform/http/route.ts';
import type { ScheduleDocument, ScheduleSummary, VendorOutcome } from '../../engine/index.ts';
import { vendorOf } from '../api.ts';
import type { Api } from '../api.ts';
import { timeText, timeTextOrNull } from '../clock-text.ts';
import { checkedCursor } from '../cursors.ts';
import { vendorSaleJson } from '../documents.ts';
import { notFound, vendorProblem } from '../refusals.ts';
import { idParams, pageOf, pageQuery, scheduleIdPattern } from '../schemas/common.ts';
import { scheduleAnswer, scheduleSummary } from '../schemas/schedules.ts';

const common = {
  half: 'sale',
  auth: 'vendor',
  params: idParams(scheduleIdPattern),
  path: '/v1/schedules/{id}',
  idempotencyKey: 'none',
} as const;

export function scheduleRoutes(api: Api): Route[] {
  return [listRoute(api), readRoute(api), endRoute(api)];
}

function listRoute(api: Api): Route {
  return {
    id: 'listSchedules',
    method: 'GET',
    path: '/v1/schedules',
    half: 'sale',
    auth: 'vendor',
    summary: 'One’s own schedules, in every state',
    description: 'The oldest first. The sales of one are in its own document.',
    query: pageQuery(),
    idempotencyKey: 'none',
    responses: { 200: pageOf(scheduleSummary) },
    errors: ['unavailable'],
    handle: async (ctx) => {
      const { limit, cursor = null } = ctx.query as { readonly limit: number; cursor?: string };
      const page = await checkedCursor(api.engine.schedules(vendorOf(ctx), { limit, cursor }));
      const items = page.items.map(summaryJson);
      ctx.reply(200, { items, next_cursor: page.nextCursor });
    },
  };
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
    ...summaryJson(schedule),
    sales: schedule.sales.map((terms) => vendorSaleJson(terms, null, now(), currency)),
    server_time: timeText(now()),
  };
}

const summaryJson = (schedule: ScheduleSummary): Record<string, unknown> => ({
  id: schedule.id,
  state: schedule.state,
  local_time: schedule.localTime,
  time_zone: schedule.timeZone,
  dates: schedule.dates,
  rrule: schedule.rrule,
  next_starts_at: timeTextOrNull(schedule.nextBellAt),
  notice: schedule.notice,
  created_at: timeText(schedule.createdAt),
});
