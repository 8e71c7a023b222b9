/** A sale's bell as iCalendar (RFC 5545). Pure. */
import type { SaleTerms } from '../../engine/index.ts';

const alarmMinutes = 10;

/** `20300601T120000Z` */
const stamp = (ms: number): string => new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');

/** One event, from the bell to the sale's end. Ids and numbers only, so nothing needs escaping. */
export function calendarOf(sale: SaleTerms): string {
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Highnoon//Sales//EN',
    'BEGIN:VEVENT',
    `UID:${sale.id}@highnoon`,
    `DTSTAMP:${stamp(sale.createdAt)}`,
    `DTSTART:${stamp(sale.startsAt)}`,
    ...(sale.endsAt === null ? [] : [`DTEND:${stamp(sale.endsAt)}`]),
    'SUMMARY:Flash sale',
    `DESCRIPTION:${sale.id}`,
    `STATUS:${sale.state === 'cancelled' ? 'CANCELLED' : 'CONFIRMED'}`,
    'BEGIN:VALARM',
    'ACTION:DISPLAY',
    'DESCRIPTION:Flash sale',
    `TRIGGER:-PT${alarmMinutes}M`,
    'END:VALARM',
    'END:VEVENT',
    'END:VCALENDAR',
  ];
  return `${lines.join('\r\n')}\r\n`;
}
