/**
 * One lane command, as lua/command.lua takes it: only the one after the last applied is applied,
 * and each emits one event with its number and outcome, also when refused. Pure.
 */
import type { Millis } from '../types.ts';
import { apply, newSale } from './apply.ts';
import { endBatch, startBatch } from './batch.ts';
import { refused } from './refused.ts';
import type { Lane, Sale } from './state.ts';
import type { LaneCommand, LaneEntry } from './words.ts';

export interface CommandResult {
  /** 1 = now, 0 = before, -1 = an earlier number is missing. */
  readonly applied: 1 | 0 | -1;
  readonly entry: LaneEntry | null;
}

export function runCommand(lane: Lane, command: LaneCommand, time: Millis): CommandResult {
  if (command.number <= lane.lastCommand) return { applied: 0, entry: null };
  if (command.number > lane.lastCommand + 1) return { applied: -1, entry: null };
  lane.lastCommand = command.number;
  const begin = startBatch(lane, time);
  const [sale, isNew] = findSale(lane, command);
  const work = begin.work(sale);
  if (!lane.sales.has(sale.id)) work.events.push(refused(command, 'not_found'));
  else if (sale.frozen !== '') work.events.push(refused(command, 'sale_frozen'));
  else apply(work, command, isNew);
  return { applied: 1, entry: endBatch(lane, [work], begin.clock) };
}

/** The command's sale; an install makes it; any other finds an empty stand-in, kept nowhere. */
function findSale(lane: Lane, command: LaneCommand): [sale: Sale, isNew: boolean] {
  const known = lane.sales.get(command.sale);
  if (known !== undefined) return [known, false];
  if (command.kind === 'install') {
    const sale = newSale(command.sale, command.terms);
    lane.sales.set(sale.id, sale);
    return [sale, true];
  }
  return [newSale(command.sale, noTerms), false];
}

const noTerms = {
  startsAt: 0,
  endsAt: 0,
  limit: 0,
  holdMs: 0,
  verifiedOnly: false,
  creditsWanted: 0,
  items: [],
  line: null,
} as const;
