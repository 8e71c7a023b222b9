/** The string formats that schemas may name; written here because each is one line. */

type Format = (text: string) => boolean;

const dateTimePattern =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
const datePattern = /^(\d{4})-(\d\d)-(\d\d)$/;
// One @, no spaces, a dot in the domain: everything finer is the mail server's business.
const emailPattern = /^[^\s@"<>]{1,64}@[^\s@"<>]{1,190}\.[^\s@."<>]{2,63}$/;
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const timePattern = /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/;

function isDay(match: RegExpExecArray | null): boolean {
  if (match === null) return false;
  const [, year, month, day] = match;
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.getUTCDate() === Number(day);
}

function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{1,63}$/.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

function isHttpUrl(text: string): boolean {
  if (text.length > 2048 || !/^https?:\/\//i.test(text)) return false;
  try {
    return new URL(text).hostname !== '';
  } catch {
    return false;
  }
}

export const formats: Record<string, Format> = {
  'date-time': (text) => isDay(dateTimePattern.exec(text)),
  date: (text) => isDay(datePattern.exec(text)),
  time: (text) => timePattern.test(text),
  email: (text) => emailPattern.test(text),
  uri: isHttpUrl,
  uuid: (text) => uuidPattern.test(text),
  'time-zone': isTimeZone,
};
