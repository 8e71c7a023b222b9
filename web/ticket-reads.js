/**
 * Reads a waiting number again, each time after as long as the last answer said: nothing is pushed to it
 * when those in front leave. One read at a time, and none that nobody sees.
 */
import { asShopper } from './api.js';

/** The answer is to be called in each frame: it reads what `state` has as ticket, once that is due. */
export function ticketReads(sale, state, take) {
  let planned = null;
  let dueAt = 0;
  let isReading = false;
  const plan = (ticket) => {
    planned = ticket;
    // Ticks tell the rest: however many pages wait, together they ask a thousand times a second at most.
    const apart = Math.max(ticket?.poll_after_ms ?? 0, state.tick?.waiting ?? 0);
    dueAt = performance.now() + apart;
  };
  return async () => {
    const { ticket, connection } = state;
    if (ticket !== planned) plan(ticket);
    if (ticket?.state !== 'waiting' || ticket.number === null) return;
    if (isReading || document.hidden || connection !== 'live' || performance.now() < dueAt) return;
    isReading = true;
    const answer = await asShopper('GET', `/v1/sales/${sale}/tickets/me`).catch(() => null);
    isReading = false;
    plan(ticket);
    // What came meanwhile may be newer than the answer: it stays, and is read again in its time.
    if (answer !== null && state.ticket === ticket) take(answer);
  };
}
