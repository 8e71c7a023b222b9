// A sale's calendar: moments in UTC, right on both sides of summer time, whatever the reader's zone.
import { describe, expect, it } from 'vitest';
import { calendarOf } from '../../../api/handlers/ics.ts';
import type { SaleItemTerms } from '../../../engine/documents.ts';
import { bellAt } from '../../../engine/sales/calendar.ts';
import { noon, saleTerms, scheduledTerms } from './fake-engine.ts';

const linesOf = (ics: string): string[] => ics.split('\r\n');

describe('calendarOf', () => {
  it.each([
    ['Europe/Berlin', '2027-03-27', 'DTSTART:20270327T110000Z'],
    ['Europe/Berlin', '2027-03-28', 'DTSTART:20270328T100000Z'],
    ['Europe/Berlin', '2027-10-31', 'DTSTART:20271031T110000Z'],
    ['Asia/Kolkata', '2027-03-28', 'DTSTART:20270328T063000Z'],
    ['Australia/Lord_Howe', '2027-04-04', 'DTSTART:20270404T013000Z'],
  ])('noon in %s on %s is %s', (zone, date, line) => {
    const startsAt = bellAt(date, '12:00', zone);
    const sale = { ...scheduledTerms, startsAt, endsAt: startsAt + 3_600_000 };
    expect(linesOf(calendarOf(sale, noon))).toContain(line);
  });

  it('is one event with an alarm, each line ended as RFC 5545 wants it', () => {
    const ics = calendarOf(scheduledTerms, noon);
    expect(ics.endsWith('END:VCALENDAR\r\n')).toBe(true);
    expect(ics.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(linesOf(ics)).toEqual(
      expect.arrayContaining([
        'BEGIN:VCALENDAR',
        'VERSION:2.0',
        `UID:${scheduledTerms.id}@highnoon`,
        'DTSTART:20300602T063000Z',
        'DTEND:20300602T073000Z',
        'TRIGGER:-PT10M',
        'STATUS:CONFIRMED',
      ]),
    );
    for (const line of linesOf(ics)) expect(line.length).toBeLessThanOrEqual(75);
  });

  it('is called after its products, whatever their names hold', () => {
    const names = ['Lamp; small, red', 'a\\b\r\nEND:VCALENDAR\u0000', '漢字😀'.repeat(20)];
    const ics = calendarOf(
      {
        ...saleTerms,
        items: names.map((name) => ({ ...(saleTerms.items[0] as SaleItemTerms), name })),
      },
      noon,
    );
    for (const line of linesOf(ics)) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
    const escaped = `Flash sale: Lamp\\; small\\, red\\, a\\\\b\\nEND:VCALENDAR \\, ${names[2]}`;
    const unfolded = linesOf(ics.replaceAll('\r\n ', ''));
    expect(unfolded).toContain(`SUMMARY:${escaped}`);
    expect(unfolded).toContain(`DESCRIPTION:${escaped}`);
  });

  it('of a cancelled sale says so, and of one without an end has none', () => {
    expect(calendarOf({ ...saleTerms, state: 'cancelled' }, noon)).toContain('STATUS:CANCELLED');
    expect(calendarOf({ ...saleTerms, endsAt: null }, noon)).not.toContain('DTEND');
  });
});
