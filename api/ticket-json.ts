/** A ticket as its owner sees it, over HTTP and over the socket. Pure. */
import type { LineFigures, LineTicket, Millis, SaleTerms } from '../engine/index.ts';
import { timeText, timeTextOrNull } from './clock-text.ts';
import { chanceOf, waitOf } from './line-book.ts';
import type { Outlook } from './line-book.ts';

/** A poll is a sign of life, so a waiting one comes well within the grace of 30 s. */
const pollMinMs = 1000;
const pollMaxMs = 10_000;
const pollTurnMs = 2000;
const pollOverMs = 30_000;

/** When to ask again, for who does not listen on the socket. */
export function pollAfterMs(
  { state, number }: LineTicket,
  line: LineFigures,
  startsAt: Millis,
  waitSeconds: number | null,
  now: Millis,
): number {
  if (state === 'admitted') return pollTurnMs;
  if (state !== 'waiting') return pollOverMs;
  if (!line.bellRung) return Math.floor(clamp((startsAt - now) / 4));
  if (number === null) return pollMinMs;
  return Math.floor(clamp(waitSeconds === null ? pollMaxMs : (waitSeconds * 1000) / 4));
}

const clamp = (ms: number): number => Math.min(Math.max(ms, pollMinMs), pollMaxMs);

/** `deliverable` = what the window said of the place that came with a join; undefined = none came. */
export function ticketJson(
  ticket: LineTicket,
  terms: SaleTerms,
  outlook: Outlook | null,
  now: Millis,
  deliverable?: boolean | null,
): Record<string, unknown> {
  const { line, receipt, ahead } = ticket;
  const wait = ahead === null || outlook === null ? null : waitOf(ahead, outlook);
  return {
    id: ticket.id,
    sale_id: ticket.sale,
    state: ticket.state,
    number: ticket.number,
    ahead,
    cut_line: line.cutLine,
    serving: line.serving,
    chance: outlook === null ? null : chanceOf(ticket, outlook),
    eta_seconds: wait,
    turn_ends_at: timeTextOrNull(ticket.turnEndsAt),
    receipt:
      receipt === null
        ? null
        : {
            position: receipt.position,
            index: receipt.index,
            digest: receipt.digest,
            signature: receipt.signature,
          },
    ...(deliverable === undefined ? {} : { deliverable }),
    poll_after_ms: pollAfterMs(ticket, line, terms.startsAt, wait?.[0] ?? null, now),
    server_time: timeText(now),
  };
}

/** What the line counts, for the vendor of its sale. */
export function lineJson(line: LineFigures): Record<string, unknown> {
  return {
    mode: line.mode,
    bell_rung: line.bellRung,
    numbered: line.numbered,
    joined: line.joined,
    waiting: line.waiting,
    parked: line.parked,
    admitted: line.admitted,
    claims: line.claims,
    serving: line.serving,
    cut_line: line.cutLine,
  };
}
