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

export const goodScheduleRequests: readonly GoodRequest[] = [
  createSchedule,
  createScheduleOfDates,
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
    id: 'cancelSale',
    method: 'DELETE',
    path: `/v1/sales/${saleId}`,
    as: 'vendor',
    status: 200,
    calls: ['cancelSale', 'laneSale'],
  },
];
