/** A sale's bell as iCalendar (RFC 5545). Pure. */
import type { Millis, SaleTerms } from '../../engine/index.ts';

const alarmMinutes = 10;
const lineOctets = 75;

/** `20300601T120000Z` */
const stamp = (ms: number): string => new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');

/** A text of any characters as a value (§3.3.11): a line break is `\n`, no other control is allowed. */
const valueOf = (text: string): string =>
  text
    .replace(/[\\;,]/g, '\\$&')
    .replace(/\r\n?|\n/g, '\\n')
    .replace(/\p{Cc}/gu, ' ');

/** A line has 75 octets at most (§3.1); what follows goes on behind a space, no character is parted. */
function fold(line: string): string {
  let folded = '';
  let octets = 0;
  for (const character of line) {
    const length = Buffer.byteLength(character);
    if (octets + length > lineOctets) {
      folded += '\r\n ';
      octets = 1;
    }
    folded += character;
    octets += length;
  }
  return folded;
}

/** One event, from the bell to the sale's end, called after what it sells, as it is at `now`. */
export function calendarOf(sale: SaleTerms, now: Millis): string {
  const summary = valueOf(`Flash sale: ${sale.items.map(({ name }) => name).join(', ')}`);
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Highnoon//Sales//EN',
    'BEGIN:VEVENT',
    `UID:${sale.id}@highnoon`,
    `DTSTAMP:${stamp(now)}`,
    `DTSTART:${stamp(sale.startsAt)}`,
    ...(sale.endsAt === null ? [] : [`DTEND:${stamp(sale.endsAt)}`]),
    `SUMMARY:${summary}`,
    `DESCRIPTION:${sale.id}`,
    `STATUS:${sale.state === 'cancelled' ? 'CANCELLED' : 'CONFIRMED'}`,
    'BEGIN:VALARM',
    'ACTION:DISPLAY',
    `DESCRIPTION:${summary}`,
    `TRIGGER:-PT${alarmMinutes}M`,
    'END:VALARM',
    'END:VEVENT',
    'END:VCALENDAR',
  ];
  return `${lines.map(fold).join('\r\n')}\r\n`;
}
