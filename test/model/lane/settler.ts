/**
 * The settler, message by message, and the watch that asks for a republish when it stalls
 * (engine/settler.ts, engine/settle/settlement.ts). The verdict is the real `judge`.
 */
import { isAbove, judge, type Position, type Verdict } from '../../../engine/domain/contiguity.ts';
import type { Rules } from './rules.ts';
import { bit, has, positionOf, replaced, say, sayDecision, type State } from './state.ts';
import { isUntold, withPostgres, withRedis, type Turn } from './steps.ts';

export function settlerSteps(turn: Turn): void {
  const { s, rules } = turn;
  watchForStall(turn);
  resolve(turn);
  if (!rules.has('the offset is stored with what it settled')) skip(turn);
  if (rules.has('a settlement holds the watermark')) {
    const decision = s.log[readAt(s, rules)];
    if (decision !== undefined) settle(turn, decision, s.postgres.watermark, s, 'settler');
    return;
  }
  for (const [i, settling] of s.settling.entries()) {
    if (settling === null) {
      const decision = s.log[readAt(s, rules)];
      if (decision === undefined) continue;
      const { watermark } = s.postgres;
      const next = { ...s, settling: replaced(s.settling, i, { decision, watermark }) };
      turn.add(`settler ${i} reads d${decision} and the watermark ${say(watermark)}`, next);
    } else {
      const before = { ...s, settling: replaced(s.settling, i, null) };
      settle(turn, settling.decision, settling.watermark, before, `settler ${i}`);
    }
  }
}

function readAt({ postgres, log }: State, rules: Rules): number {
  const beyond = postgres.offset > log.length;
  if (beyond && rules.has('an offset beyond the end means the beginning')) return 0;
  return postgres.offset;
}

function verdictOf(s: State, position: Position, watermark: Position, rules: Rules): Verdict {
  const verdict = judge(position, watermark, s.postgres.epochs);
  if (verdict.kind === 'gap' && !rules.has('the settler takes only what follows')) {
    return { kind: 'take' };
  }
  const begins = position.seq === 0 && position.epoch > watermark.epoch;
  const behind = rules.has('an epoch begins behind the end of the one before');
  if (verdict.kind === 'gap' && begins && !behind) return { kind: 'take' };
  if (verdict.kind === 'drop' && !rules.has('what has settled is dropped')) return { kind: 'take' };
  if (verdict.kind !== 'quarantine') return verdict;
  if (!rules.has('beyond the end of an epoch is put away')) {
    return isAbove(position, watermark) ? { kind: 'gap' } : { kind: 'drop' };
  }
  let { freeze } = verdict;
  if (!rules.has('what a recovery ended does not freeze')) freeze = true;
  if (!rules.has('beyond the end of an epoch freezes')) freeze = false;
  return { ...verdict, freeze };
}

/** The offset alone is stored, and the settler dies. */
function skip({ s, rules, add }: Turn): void {
  const at = readAt(s, rules);
  const decision = s.log[at];
  if (decision === undefined) return;
  const next = withPostgres(s, { offset: at + 1 });
  add(`settler stores the offset behind d${decision} and dies`, next);
}

/** What was put away because of the wall is resolved by a person; a recovery goes first. */
function resolve({ s, rules, add }: Turn): void {
  const { quarantine, reason, token } = s.postgres;
  if (!quarantine || token !== 0) return;
  const stays = reason && rules.has('a rollback is ended by a recovery only');
  const next = withPostgres(s, {
    quarantine: false,
    reason: stays,
    frozen: stays,
    untold: s.postgres.untold && stays,
  });
  add('the quarantine is resolved', next);
}

/** Postgres's wall refuses the event: put away in the watermark's transaction. */
function refuse({ s: before, addFault, excused }: Turn, decision: number, s: State): void {
  const { left, postgres: pg } = before;
  if (left.walls === 0) return;
  const next = withPostgres(s, {
    refused: pg.refused | bit(decision),
    watermark: positionOf(before, decision),
    frozen: true,
    quarantine: true,
    untold: isUntold(before, 'the wall', excused),
  });
  const spent = { ...next, left: { ...left, walls: left.walls - 1 } };
  addFault(`the wall refuses ${sayDecision(before, decision)}`, spent);
}

function settle(
  turn: Turn,
  decision: number,
  watermark: Position,
  before: State,
  who: string,
): void {
  const { rules, add, excused } = turn;
  const position = positionOf(before, decision);
  const { settled, away, refused, frozen } = before.postgres;
  const s = withPostgres(before, { offset: readAt(before, rules) + 1 });
  const verdict = verdictOf(before, position, watermark, rules);
  const what = sayDecision(before, decision);
  switch (verdict.kind) {
    case 'take':
      refuse(turn, decision, s);
      add(
        `${who} settles ${what}`,
        withPostgres(s, { settled: settled | bit(decision), watermark: position }),
        tornWatermark(before, decision, position),
      );
      return;
    case 'drop': {
      const lost = !has(settled | away | refused, decision);
      const broken = lost ? `d${decision} is dropped, neither settled nor put away` : null;
      add(`${who} drops ${what}`, s, broken);
      return;
    }
    case 'gap': {
      const asks = rules.has('a gap asks for a republish');
      const next = asks ? withRedis(s, { republish: true }) : s;
      add(`${who} finds a gap before ${what} and asks for a republish`, next);
      return;
    }
    case 'quarantine': {
      const more = { away: away | bit(decision) };
      const freezes = verdict.freeze && !frozen;
      const next = withPostgres(s, {
        ...more,
        ...(verdict.freeze
          ? { frozen: true, reason: true, untold: isUntold(before, 'the settler', excused) }
          : {}),
      });
      const groundless =
        freezes && !s.rolledBack ? 'a lane is frozen that was not rolled back' : null;
      add(
        `${who} puts ${what} away (${verdict.reason})${freezes ? ' and freezes the lane' : ''}`,
        next,
        has(settled, decision) ? `d${decision} is settled and put away` : groundless,
      );
    }
  }
}

/** The watermark must never jump over what is not settled, nor fall. */
function tornWatermark(s: State, decision: number, position: Position): string | null {
  const { settled, away, refused, watermark } = s.postgres;
  if (has(settled | refused, decision)) return `d${decision} is settled twice`;
  if (has(away, decision)) return `d${decision} is settled and put away`;
  if (!isAbove(position, watermark)) return 'the watermark falls';
  return null;
}

/** At the partition's end, with the outbox ahead. */
function watchForStall({ s, rules, add }: Turn): void {
  if (!rules.has('a stall asks for a republish')) return;
  const { redis, postgres, log } = s;
  if (redis.republish || log[readAt(s, rules)] !== undefined) return;
  if (s.relays.some((relay) => relay.buffer.length > 0)) return;
  const ahead = redis.outbox.some((d) => isAbove(positionOf(s, d), postgres.watermark));
  if (!ahead) return;
  add('the stall watch asks for a republish', withRedis(s, { republish: true }));
}
