/** Times as a person reads them while they run. */

const two = (value) => String(value).padStart(2, '0');

/** `1 d 02:03:04`, without what is zero in front. */
export function leftText(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const days = Math.floor(seconds / 86_400);
  const time = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const text = (time[0] === 0 && days === 0 ? time.slice(1) : time).map(two).join(':');
  return days === 0 ? text : `${days} d ${text}`;
}

const dated = new Intl.DateTimeFormat(undefined, {
  ...{ weekday: 'short', day: 'numeric', month: 'short' },
  ...{ hour: 'numeric', minute: '2-digit', timeZoneName: 'short' },
});

/** A moment by the clock of who reads it, with its time zone. */
export const timeText = (at) => dated.format(new Date(at));
