/** Good requests for schedules, and for the end of a sale before its bell. */
import { productId, saleId, scheduleId } from './fake-engine.ts';
import type { GoodRequest } from './good-request.ts';

const schedule = { local_time: '12:00', time_zone: 'Asia/Kolkata', rrule: 'FREQ=DAILY' };

const createSchedule: GoodRequest = {
  ...{ id: 'createSale', method: 'POST', path: '/v1/sales', as: 'vendor', status: 201 },
  calls: ['createSchedule'],
  body: { product_id: productId, allotted: 10, discount_percent: 50, schedule },
  required: ['schedule.local_time', 'schedule.time_zone'],
  fields: [
    { path: 'schedule.local_time', kind: 'word' },
    { path: 'schedule.time_zone', kind: 'word' },
    { path: 'schedule.rrule', kind: 'text' },
  ],
};

const createScheduleOfDates: GoodRequest = {
  ...createSchedule,
  body: {
    ...{ product_id: productId, allotted: 10, discount_percent: 50 },
    schedule: { local_time: '12:00:30', time_zone: 'Europe/Berlin', dates: ['2030-06-02'] },
  },
  required: [],
  fields: [
    { path: 'schedule.dates', kind: 'list' },
    { path: 'schedule.dates.0', kind: 'word' },
  ],
};

const changeSale = {
  id: 'changeSale',
  method: 'PATCH',
  path: `/v1/sales/${saleId}`,
  as: 'vendor',
  status: 200,
  calls: ['changeSale', 'laneSale'],
} as const;

export const goodScheduleRequests: readonly GoodRequest[] = [
  createSchedule,
  createScheduleOfDates,
  {
    ...{ id: 'listSchedules', method: 'GET', path: '/v1/schedules' },
    ...{ as: 'vendor', status: 200, calls: ['schedules'] },
  },
  {
    ...{ id: 'getSchedule', method: 'GET', path: `/v1/schedules/${scheduleId}` },
    ...{ as: 'vendor', status: 200, calls: ['schedule'] },
  },
  {
    id: 'endSchedule',
    method: 'DELETE',
    path: `/v1/schedules/${scheduleId}`,
    as: 'vendor',
    status: 200,
    calls: ['endSchedule'],
  },
  {
    ...changeSale,
    body: {
      items: [{ product_id: productId, price: { amount: 100, currency: 'USD' } }],
      starts_at: '2030-06-02T12:00:00.000Z',
      duration_seconds: 60,
      limit_per_shopper: 2,
      hold_seconds: 30,
      who: 'anyone',
      admission: { mode: 'queue', rate_per_second: 2.5, turn_seconds: 60, factor: 1.5 },
    },
    required: ['items.0.product_id'],
    fields: [
      { path: 'items', kind: 'list' },
      { path: 'items.0', kind: 'object' },
      { path: 'items.0.product_id', kind: 'id' },
      { path: 'items.0.price', kind: 'money' },
      { path: 'starts_at', kind: 'time' },
      { path: 'duration_seconds', kind: 'whole' },
      { path: 'limit_per_shopper', kind: 'whole' },
      { path: 'hold_seconds', kind: 'whole' },
      { path: 'who', kind: 'word' },
      { path: 'admission', kind: 'object' },
      { path: 'admission.mode', kind: 'word' },
      { path: 'admission.turn_seconds', kind: 'whole' },
    ],
  },
  {
    ...changeSale,
    body: { product_id: productId, price: { amount: 100, currency: 'USD' } },
    fields: [
      { path: 'product_id', kind: 'id' },
      { path: 'price', kind: 'money' },
    ],
  },
  {
    ...changeSale,
    body: { discount_percent: 30 },
    fields: [{ path: 'discount_percent', kind: 'whole' }],
  },
  {
    ...changeSale,
    body: { allotted: 30 },
    fields: [{ path: 'allotted', kind: 'whole' }],
  },
  {
    id: 'cancelSale',
    method: 'DELETE',
    path: `/v1/sales/${saleId}`,
    as: 'vendor',
    status: 200,
    calls: ['cancelSale', 'laneSale'],
  },
];
