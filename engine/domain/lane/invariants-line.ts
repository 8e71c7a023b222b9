/** What must hold of a sale's line at every moment. Pure. */
import type { Line, Sale, Ticket } from './state.ts';

/** Every rule that is broken, in words; empty = none. */
export function violationsOfLine(sale: Sale): string[] {
  const { line } = sale;
  if (line === null) return [];
  const tickets = new Map<string, Ticket>();
  for (const [shopper, { ticket }] of sale.records) {
    if (ticket !== null) tickets.set(shopper, ticket);
  }
  return [...ofTickets(line, [...tickets.values()]), ...ofPlaces(line, tickets)].map(
    (says) => `${sale.id}: ${says}`,
  );
}

function ofTickets(line: Line, tickets: readonly Ticket[]): string[] {
  const found: string[] = [];
  const rule = (holds: boolean, says: string): void => {
    if (!holds) found.push(says);
  };
  const { joined, bell, serving } = line;
  const waiting = tickets.filter(({ state }) => state === 'waiting');
  const open = tickets.filter(({ state }) => state === 'admitted');
  const numbers = tickets.map(({ number }) => number).filter((number) => number > 0);
  const made = tickets.flatMap(({ key, past }) => [key, ...past]);
  rule(made.length === joined, `${joined} joined, there are ${made.length} tickets`);
  rule(isSet(made), 'a ticket is there twice');
  rule(
    tickets.every(({ leaves }) => isSet(leaves)),
    'a key has left twice',
  );
  rule(
    tickets.every(({ past, leaves }) => leaves.length <= past.length + 1),
    'more leaves than tickets',
  );
  rule(isSet(tickets.map(({ index }) => index)), 'an index is there twice');
  rule(isSet(numbers), 'a number is there twice');
  rule(waiting.length === line.waiting, `${line.waiting} wait, there are ${waiting.length}`);
  rule(line.turns <= line.begun, `${line.turns} turns of ${line.begun} that began`);
  rule(open.length === line.turns, `${line.turns} turns, there are ${open.length}`);
  const claims = open.reduce((sum, { claim }) => sum + claim, 0);
  rule(claims === line.claims, `${line.claims} claimed, turns claim ${claims}`);
  rule(
    open.every(({ claim }) => claim > 0),
    'a turn without a claim',
  );
  rule(
    open.every(({ number }) => number > 0 && number <= serving),
    'an open turn not served',
  );
  rule(line.numbered || open.length === 0, 'a turn before all had their numbers');
  rule(
    tickets.every((ticket) => isInOrder(ticket, bell)),
    'a number against the order',
  );
  rule(!line.numbered || waiting.every(({ number }) => number > 0), 'one waits without a number');
  return found;
}

/** Before the bell a number of the draw or none, after it the place in the order of arrival. */
function isInOrder({ index, number }: Ticket, bell: number): boolean {
  return bell < 0 ? number === 0 : index < bell ? number <= bell : number === index + 1;
}

function ofPlaces(line: Line, tickets: ReadonlyMap<string, Ticket>): string[] {
  const found: string[] = [];
  for (const [shopper, number] of [...line.queue, ...line.parked]) {
    const ticket = tickets.get(shopper);
    if (ticket?.state !== 'waiting' || ticket.number !== number) {
      found.push(`${shopper} waits as ${number}, its ticket does not`);
    }
    if (line.queue.has(shopper) && line.parked.has(shopper)) found.push(`${shopper} is parked too`);
  }
  for (const [shopper, { state, number, turnEnds }] of tickets) {
    const isPlaced = line.queue.has(shopper) || line.parked.has(shopper);
    if (state === 'waiting' && number > 0 && !isPlaced) found.push(`${shopper} is in no queue`);
    if (state === 'admitted' && line.due.get(shopper) !== turnEnds) {
      found.push(`the turn of ${shopper} would never lapse`);
    }
  }
  return found;
}

const isSet = (values: readonly unknown[]): boolean => new Set(values).size === values.length;
