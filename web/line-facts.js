/**
 * What who waits is told of the line. A ticket is as of its last read, a tick of each second: the newer one
 * counts, and between two reads a figure of the ticket stays within what the tick leaves open.
 */

/**
 * At least and at most, in seconds; null = nobody can say. `tick` = one that is newer than the ticket, or
 * null. It has some places of the line only, and what lies between two of them is not in proportion: behind
 * the last free unit a wait is many times that before it. So they are bounds to what was read.
 */
function waitOf({ eta_seconds: own }, ahead, tick) {
  if (own === null || tick === null) return own;
  const { waiting, eta, eta_by_ahead: some } = tick;
  const places = eta === null ? some : [...some, [waiting, ...eta]];
  const before = places.findLast(([at]) => at <= ahead);
  const behind = places.find(([at]) => at >= ahead);
  if (before === undefined || behind === undefined) return null;
  const around = [before[1], behind[2]];
  if (before === behind) return around;
  const both = [Math.max(own[0], around[0]), Math.min(own[1], around[1])];
  return both[0] < both[1] ? both : around;
}

function waitText(range) {
  if (range === null) return 'not known yet';
  const [low, high] = range.map((seconds) =>
    seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`,
  );
  return low === high ? `about ${high}` : `${low} to ${high}`;
}

/** Units that are free, by the newer of tick and sale; null = nobody can say. */
export function freeOf({ sale, tick }) {
  if ((tick?.version ?? -1) >= sale.version) return tick.available;
  return sale.sold_out ? 0 : null;
}

/** No unit can come back: what the last read foretold of one does not hold. */
const isAllPaid = (sale) => sale?.sold_out === true && !sale.may_return;

/**
 * What no unit being free means to who waits or may join; null = some are free, or nobody can say. A tick
 * may know of it before the sale, which is told when it is sold out: then nobody says whether any is held.
 */
export function noneFreeText({ sale, ticket, tick }) {
  const isOpen = sale.state === 'live' || sale.state === 'paused';
  if (!isOpen || freeOf({ sale, tick }) !== 0) return null;
  if (sale.sold_out !== true) {
    return 'No unit is free now: one that is held may come back, one that is paid for cannot.';
  }
  if (isAllPaid(sale)) return 'All units are paid for, none can come back.';
  return ticket?.state === 'waiting' && ticket.chance === 0
    ? 'All units are taken, and none is expected to come back for you.'
    : 'No unit is free now; some are held and may come back.';
}

/** Rows of a name and a value, null = not shown, for a ticket that waits. */
export function lineFacts({ sale, ticket, tick }) {
  // The last tick may be from before the join.
  if (ticket.number === null) {
    return [['in line', tick === null ? null : Math.max(1, tick.waiting ?? 0)]];
  }
  const newer = tick !== null && tick.server_time > ticket.server_time ? tick : null;
  // The ticket itself is one of those who wait.
  const others = Math.max(0, (newer?.waiting ?? Infinity) - 1);
  const ahead = Math.min(ticket.ahead, others);
  const cutLine = (newer ?? ticket).cut_line;
  const chance = isAllPaid(sale) ? null : ticket.chance;
  const wait = isAllPaid(sale) ? null : waitOf(ticket, ahead, newer);
  // While it is paused no turn begins, and nobody knows for how long; with none free there is more to say.
  const isTold =
    sale?.state === 'live' && (wait !== null || noneFreeText({ sale, ticket, tick }) === null);
  return [
    ahead === 0 ? ['your place', 'You are next'] : ['people ahead', ahead],
    ['now serving', newer?.serving ?? ticket.serving],
    ['units are certain to reach', cutLine === null ? null : `number ${cutLine}`],
    ['your wait', isTold ? waitText(wait) : null],
    ['chance of a unit', chance === null ? null : `${Math.round(chance * 100)} %`],
  ];
}
