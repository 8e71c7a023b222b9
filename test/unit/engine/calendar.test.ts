// Bells of schedules in real zones: both summer-time changes, skipped and doubled local times, rules.
import { describe, expect, it } from 'vitest';
import {
  bellAt,
  bellsBetween,
  checkSchedule,
  nextBell,
  type Schedule,
  type ScheduleRequest,
} from '../../../engine/sales/calendar.ts';

const dayMs = 86_400_000;
const iso = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z');
const ms = (text: string): number => Date.parse(text);

function schedule(request: ScheduleRequest, now: string): Schedule {
  const checked = checkSchedule(request, ms(now));
  if ('param' in checked) throw new Error(`${checked.param}: ${checked.detail}`);
  return checked;
}

/** Bells of the days after `now`. */
function bells(request: ScheduleRequest, now: string, days = 7): string[] {
  const from = ms(now);
  return bellsBetween(schedule(request, now), from, from + days * dayMs).map(({ at }) => iso(at));
}

describe('a local time on a date', () => {
  it.each([
    // No summer time: the same offset all year.
    ['Asia/Kolkata', '2027-01-10', '12:00', '2027-01-10T06:30:00Z'],
    ['Asia/Kolkata', '2027-07-10', '12:00', '2027-07-10T06:30:00Z'],
    ['Asia/Kathmandu', '2027-07-10', '12:00', '2027-07-10T06:15:00Z'],
    // The days around the changes.
    ['Europe/Berlin', '2027-03-27', '12:00', '2027-03-27T11:00:00Z'],
    ['Europe/Berlin', '2027-03-28', '12:00', '2027-03-28T10:00:00Z'],
    ['Europe/Berlin', '2027-10-30', '12:00', '2027-10-30T10:00:00Z'],
    ['Europe/Berlin', '2027-10-31', '12:00', '2027-10-31T11:00:00Z'],
    ['America/New_York', '2027-03-13', '12:00', '2027-03-13T17:00:00Z'],
    ['America/New_York', '2027-03-14', '12:00', '2027-03-14T16:00:00Z'],
    ['America/New_York', '2027-11-07', '12:00', '2027-11-07T17:00:00Z'],
    ['Australia/Lord_Howe', '2027-04-03', '12:00', '2027-04-03T01:00:00Z'],
    ['Australia/Lord_Howe', '2027-04-04', '12:00', '2027-04-04T01:30:00Z'],
    // Skipped: as much later as the clock jumps, an hour or half of one.
    ['Europe/Berlin', '2027-03-28', '02:30', '2027-03-28T01:30:00Z'],
    ['America/New_York', '2027-03-14', '02:00', '2027-03-14T07:00:00Z'],
    ['Australia/Lord_Howe', '2027-10-03', '02:15', '2027-10-02T15:45:00Z'],
    // There twice: the first time.
    ['Europe/Berlin', '2027-10-31', '02:30', '2027-10-31T00:30:00Z'],
    ['America/New_York', '2027-11-07', '01:30', '2027-11-07T05:30:00Z'],
    ['Australia/Lord_Howe', '2027-04-04', '01:45', '2027-04-03T14:45:00Z'],
    // Seconds, and the far sides of the date line.
    ['Pacific/Kiritimati', '2027-01-01', '00:00:30', '2026-12-31T10:00:30Z'],
    ['Pacific/Pago_Pago', '2027-01-01', '23:59:59', '2027-01-02T10:59:59Z'],
  ])('%s %s %s is %s', (zone, date, time, at) => {
    expect(iso(bellAt(date, time, zone))).toBe(at);
  });
});

describe('a rule', () => {
  it('rings every day at the same local time, over the change to summer time', () => {
    const berlin = { localTime: '12:00', timeZone: 'Europe/Berlin', rrule: 'FREQ=DAILY' };
    expect(bells(berlin, '2027-03-26T00:00:00Z', 4)).toEqual([
      '2027-03-26T11:00:00Z',
      '2027-03-27T11:00:00Z',
      '2027-03-28T10:00:00Z',
      '2027-03-29T10:00:00Z',
    ]);
  });

  it('rings every day at the same local time, over the change from it', () => {
    const york = { localTime: '01:30', timeZone: 'America/New_York', rrule: 'FREQ=DAILY' };
    expect(bells(york, '2027-11-06T00:00:00Z', 4)).toEqual([
      '2027-11-06T05:30:00Z',
      '2027-11-07T05:30:00Z',
      '2027-11-08T06:30:00Z',
      '2027-11-09T06:30:00Z',
    ]);
  });

  it('rings once on each date, whatever its clocks do', () => {
    for (const timeZone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe']) {
      for (const localTime of ['00:00', '01:45', '02:15', '02:59', '23:59']) {
        const year = schedule({ localTime, timeZone, rrule: 'FREQ=DAILY' }, '2027-01-01T15:00:00Z');
        const all = bellsBetween(year, ms('2027-02-01T00:00:00Z'), ms('2027-12-01T00:00:00Z'));
        expect(new Set(all.map(({ localDate }) => localDate)).size).toBe(all.length);
        expect(all.length).toBeGreaterThanOrEqual(302);
        for (const [i, { at }] of all.entries()) {
          const apart = at - (all[i - 1]?.at ?? at - dayMs);
          expect(Math.abs(apart - dayMs)).toBeLessThanOrEqual(3_600_000);
        }
      }
    }
  });

  it.each([
    ['FREQ=WEEKLY;BYDAY=MO,FR', ['2027-06-04', '2027-06-07', '2027-06-11', '2027-06-14']],
    ['FREQ=WEEKLY;INTERVAL=2;BYDAY=TU', ['2027-06-01', '2027-06-15']],
    ['FREQ=DAILY;INTERVAL=5', ['2027-06-01', '2027-06-06', '2027-06-11', '2027-06-16']],
    ['FREQ=DAILY;COUNT=2', ['2027-06-01', '2027-06-02']],
    ['rrule:freq=daily;count=1', ['2027-06-01']],
    ['FREQ=DAILY;UNTIL=20270603', ['2027-06-01', '2027-06-02', '2027-06-03']],
    // 06:29:59 in UTC is just before 12:00 in Kolkata.
    ['FREQ=DAILY;UNTIL=20270603T062959Z', ['2027-06-01', '2027-06-02']],
    ['FREQ=DAILY;UNTIL=20270603T063000Z', ['2027-06-01', '2027-06-02', '2027-06-03']],
    ['FREQ=DAILY;UNTIL=20270602T115959', ['2027-06-01']],
    ['FREQ=MONTHLY;BYMONTHDAY=-15', ['2027-06-16']],
    ['FREQ=MONTHLY;BYDAY=2SA', ['2027-06-12']],
    ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1', ['2027-06-01']],
    ['FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=5', ['2027-06-05']],
    ['FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=8,9;BYDAY=2TU', ['2027-06-08']],
  ])('%s names its days', (rrule, dates) => {
    const kolkata = { localTime: '12:00', timeZone: 'Asia/Kolkata', rrule };
    expect(bells(kolkata, '2027-06-01T00:00:00Z', 16)).toEqual(
      dates.map((date) => `${date}T06:30:00Z`),
    );
  });

  it('begins with the first bell that is still to come', () => {
    const kolkata = { localTime: '12:00', timeZone: 'Asia/Kolkata', rrule: 'FREQ=DAILY;COUNT=1' };
    expect(bells(kolkata, '2027-06-01T06:29:59Z')).toEqual(['2027-06-01T06:30:00Z']);
    expect(bells(kolkata, '2027-06-01T06:30:00Z')).toEqual(['2027-06-02T06:30:00Z']);
  });

  it('knows its next bell, however far, and its last one', () => {
    const zone = { localTime: '12:00', timeZone: 'Europe/Berlin' };
    const leap = schedule(
      { ...zone, rrule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29' },
      '2026-03-01T00:00:00Z',
    );
    expect(nextBell(leap, ms('2026-03-01T00:00:00Z'))?.localDate).toBe('2028-02-29');
    const twice = schedule({ ...zone, rrule: 'FREQ=DAILY;COUNT=2' }, '2027-06-01T00:00:00Z');
    expect(nextBell(twice, ms('2027-06-01T10:00:00Z'))?.localDate).toBe('2027-06-01');
    expect(nextBell(twice, ms('2027-06-01T10:00:01Z'))?.localDate).toBe('2027-06-02');
    expect(nextBell(twice, ms('2027-06-02T10:00:01Z'))).toBeNull();
  });

  it.each([
    '',
    'FREQ=HOURLY',
    'FREQ=SECONDLY;COUNT=5',
    'INTERVAL=2',
    'FREQ=DAILY;INTERVAL=0',
    'FREQ=DAILY;INTERVAL=367',
    'FREQ=DAILY;COUNT=0',
    'FREQ=DAILY;COUNT=3661',
    'FREQ=DAILY;COUNT=2;UNTIL=20270601',
    'FREQ=DAILY;UNTIL=20270231',
    'FREQ=DAILY;UNTIL=20200101',
    'FREQ=DAILY;BYHOUR=3',
    'FREQ=DAILY;FREQ=WEEKLY',
    'FREQ=DAILY;;',
    'FREQ=DAILY;COUNT=1=1',
    'FREQ=DAILY;BYDAY=XX',
    'FREQ=WEEKLY;BYDAY=1MO',
    'FREQ=DAILY;BYMONTH=13',
    'FREQ=DAILY;BYMONTH=0',
    'FREQ=DAILY;BYMONTHDAY=32',
    'FREQ=MONTHLY;BYDAY=0MO',
    'FREQ=YEARLY;BYYEARDAY=367',
    'FREQ=YEARLY;BYWEEKNO=54',
    'FREQ=YEARLY;BYYEARDAY=336;BYDAY=MO',
    'FREQ=YEARLY;BYWEEKNO=49;BYYEARDAY=336',
    'FREQ=YEARLY;BYYEARDAY=336;BYMONTHDAY=2',
    'FREQ=YEARLY;BYWEEKNO=49;BYMONTHDAY=2',
    'FREQ=YEARLY;BYWEEKNO=49;BYDAY=1MO',
    'FREQ=YEARLY;BYDAY=2SU;BYMONTHDAY=15',
    'FREQ=MONTHLY;BYYEARDAY=336',
    'FREQ=DAILY;BYWEEKNO=49',
    'FREQ=WEEKLY;BYMONTHDAY=2',
    'FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0',
    'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30',
    'FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2',
    'FREQ=DAILY\nDTSTART:20200101T000000Z',
    'FREQ=DAILY;__PROTO__=1',
    'FREQ=DAILY;RSCALE=CHINESE',
  ])('%j is refused by the name of its field', (rrule) => {
    const request = { localTime: '12:00', timeZone: 'Europe/Berlin', rrule };
    expect(checkSchedule(request, ms('2027-06-01T00:00:00Z'))).toMatchObject({ param: 'rrule' });
  });
});

describe('dates', () => {
  const zone = { localTime: '12:00', timeZone: 'America/New_York' };
  const now = ms('2027-06-01T00:00:00Z');

  it('ring in their order', () => {
    const dates = ['2027-06-04', '2027-06-02'];
    expect(bells({ ...zone, dates }, '2027-06-01T00:00:00Z')).toEqual([
      '2027-06-02T16:00:00Z',
      '2027-06-04T16:00:00Z',
    ]);
  });

  it.each([
    [['2027-05-30'], 'dates.0'],
    [['2027-06-02', '2027-06-02'], 'dates.1'],
    [['2027-06-02', '2099-06-02'], 'dates.1'],
    [[], 'dates'],
  ])('%j are refused at %s', (dates, param) => {
    expect(checkSchedule({ ...zone, dates }, now)).toMatchObject({ param });
  });

  it('and a rule exclude each other, and one of both is needed', () => {
    expect(checkSchedule(zone, now)).toMatchObject({ param: 'rrule' });
    const both = { ...zone, dates: ['2027-06-02'], rrule: 'FREQ=DAILY' };
    expect(checkSchedule(both, now)).toMatchObject({ param: 'rrule' });
  });
});
