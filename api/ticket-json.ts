/** A ticket as its owner sees it, over HTTP and over the socket. Pure. */
import { fnv1a } from '../engine/index.ts';
import { invariant } from '../platform/fault.ts';
import type { LineFigures, LineTicket, Millis, SaleTerms } from '../engine/index.ts';
import { timeText, timeTextOrNull } from './clock-text.ts';
import { chanceOf, waitOf } from './line-book.ts';
import type { Outlook } from './line-book.ts';
import { isOver, stateOf } from './states.ts';

/** A poll is a sign of life, so a waiting one comes well within the grace of 30 s. */
const pollMinMs = 1000;
const pollMaxMs = 10_000;
const pollTurnMs = 2000;
const pollOverMs = 30_000;
/** The largest part by which one asks sooner. */
const pollJitter = 0.3;

/** A ticket without an end of its own has lapsed with its sale: no more turns begin, none is of use. */
export function shownState({ state, line }: LineTicket): LineTicket['state'] {
  return isOver(line.state) && (state === 'waiting' || state === 'admitted') ? 'lapsed' : state;
}

/** Whether its turn ever began, which `lapsed` alone does not say; null = of one that was left. */
function hadTurn({ state }: LineTicket): boolean | null {
  return state === 'left' ? null : state !== 'waiting';
}

/**
 * When to ask again, for who does not listen on the socket. Each ticket a little sooner than that by a
 * share of its own, so that those who came together do not ask together.
 */
export function pollAfterMs(
  ticket: LineTicket,
  line: LineFigures,
  startsAt: Millis,
  waitSeconds: number | null,
  now: Millis,
): number {
  const { number } = ticket;
  const sooner = 1 - pollJitter * shareOf(ticket.id);
  const around = (ms: number): number => Math.floor(clamp(ms) * sooner);
  const state = shownState(ticket);
  if (state === 'admitted') return around(pollTurnMs);
  if (state !== 'waiting') return Math.floor(pollOverMs * sooner);
  if (line.bell === null) return around((startsAt - now) / 4);
  if (number === null) return around(pollMinMs);
  return around(waitSeconds === null ? pollMaxMs : (waitSeconds * 1000) / 4);
}

const clamp = (ms: number): number => Math.min(Math.max(ms, pollMinMs), pollMaxMs);

/** 0 up to 1, as good as random and always the same. */
const shareOf = (id: string): number => fnv1a(id) / 2 ** 32;

/** `deliverable` = what the window said of the place that came with a join; undefined = none came. */
export function ticketJson(
  ticket: LineTicket,
  terms: SaleTerms,
  outlook: Outlook | null,
  now: Millis,
  deliverable?: boolean | null,
): Record<string, unknown> {
  const { line, receipt } = ticket;
  const state = shownState(ticket);
  const hasLapsed = state !== ticket.state;
  const ahead = hasLapsed ? null : ticket.ahead;
  const wait = ahead === null || outlook === null ? null : waitOf(ahead, outlook);
  return {
    id: ticket.id,
    sale_id: ticket.sale,
    state,
    sale_state: stateOf(terms, { state: line.state, startsAt: terms.startsAt }, now),
    number: ticket.number,
    ahead,
    cut_line: line.cutLine,
    serving: line.serving,
    chance: outlook === null || hasLapsed ? null : chanceOf(ticket, outlook),
    eta_seconds: wait,
    had_turn: hadTurn(ticket),
    turn_ends_at: hasLapsed ? null : timeTextOrNull(ticket.turnEndsAt),
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

/** What differs between the waiting tickets of one moment. */
const own = ['id', 'number', 'ahead', 'chance', 'eta_seconds', 'poll_after_ms'] as const;

/**
 * The text of `ticketJson` for many waiting tickets with numbers: what they have in common is written
 * once, which is most of it. `alike` is one of them.
 */
export function ticketTexts(
  alike: LineTicket,
  terms: SaleTerms,
  outlook: Outlook | null,
  now: Millis,
): (id: string, number: number, ahead: number) => string {
  const between: string[] = [];
  let text = '{';
  for (const [name, value] of Object.entries(ticketJson(alike, terms, outlook, now))) {
    text += `${text === '{' ? '' : ','}"${name}":`;
    if ((own as readonly string[]).includes(name)) {
      between.push(text);
      text = '';
    } else text += JSON.stringify(value);
  }
  invariant(between.length === own.length, 'a ticket has all that differs');
  const [beforeId, beforeNumber, beforeAhead, beforeChance, beforeWait, beforePoll] = between;
  return (id, number, ahead) => {
    const ticket = { ...alike, id, number, ahead };
    const wait = outlook === null ? null : waitOf(ahead, outlook);
    const chance = outlook === null ? null : chanceOf(ticket, outlook);
    const poll = pollAfterMs(ticket, alike.line, terms.startsAt, wait?.[0] ?? null, now);
    const waitText = wait === null ? 'null' : `[${wait[0]},${wait[1]}]`;
    return `${beforeId}"${id}"${beforeNumber}${number}${beforeAhead}${ahead}${beforeChance}${chance}${
      beforeWait
    }${waitText}${beforePoll}${poll}${text}}`;
  };
}

/** What the line counts, for the vendor of its sale. */
export function lineJson(line: LineFigures): Record<string, unknown> {
  return {
    mode: line.mode,
    bell_rung: line.bell !== null,
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
