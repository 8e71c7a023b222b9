/**
 * A relay: reads what follows its cursor from the outbox into its buffer of two, and publishes it at
 * any later time (engine/relay.ts). It reads whatever server it is connected to.
 */
import { isAbove, type Position } from '../../../engine/domain/contiguity.ts';
import { bit, positionOf, replaced, say, sayDecision, type Relay, type State } from './state.ts';
import type { Turn } from './steps.ts';

const readAheadMax = 2;

export function relaySteps(turn: Turn): void {
  for (const [i, relay] of turn.s.relays.entries()) {
    if (relay.buffer.length === 0) read(turn, i, relay);
    else publish(turn, i, relay);
  }
}

/** Where it begins: after the watermark at its start and when it is asked, else where it was. */
function cursorOf({ s, rules }: Turn, relay: Relay): Position {
  if (relay.cursor !== null && !s.redis.republish) return relay.cursor;
  if (rules.has('the relay begins at the watermark')) return s.postgres.watermark;
  return relay.cursor ?? { epoch: s.redis.epoch, seq: s.redis.seq };
}

function read(turn: Turn, i: number, relay: Relay): void {
  const { s, rules, add } = turn;
  const from = cursorOf(turn, relay);
  const behind = s.redis.outbox.filter((decision) => isAbove(positionOf(s, decision), from));
  const oldest = rules.has('the relay reads the oldest first');
  const buffer = oldest ? behind.slice(0, readAheadMax) : behind.slice(-readAheadMax);
  const moved = relay.cursor?.epoch !== from.epoch || relay.cursor.seq !== from.seq;
  if (buffer.length === 0 && !s.redis.republish && !moved) return;
  const last = buffer.at(-1);
  const cursor = last === undefined ? from : positionOf(s, last);
  const asked = s.redis.republish ? ', as asked,' : '';
  const next: State = {
    ...s,
    redis: { ...s.redis, republish: false },
    relays: replaced(s.relays, i, { cursor, buffer }),
  };
  const what = buffer.map((decision) => `d${decision}`).join(', ');
  add(`relay ${i}${asked} reads after ${say(from)}: ${buffer.length > 0 ? what : 'nothing'}`, next);
}

function publish({ s, logMax, add }: Turn, i: number, relay: Relay): void {
  const [first, ...rest] = relay.buffer;
  if (first === undefined || s.log.length >= logMax) return;
  const relays = replaced(s.relays, i, { ...relay, buffer: rest });
  const passed = s.log.length < s.postgres.offset && !s.redis.outbox.includes(first);
  const twiceLost = passed ? s.twiceLost | bit(first) : s.twiceLost;
  const next = { ...s, relays, twiceLost, log: [...s.log, first] };
  add(`relay ${i} publishes ${sayDecision(s, first)}`, next);
}
