/** Every maximum of the socket, in one place. */

/** First message of a socket; without it, and without an identity, it is closed (4401). */
export const helloWithinMs = 5000;
/** Of a message. A token may have 4 KB. Above it 4400; above `cutBytes` the connection is cut. */
export const messageMaxBytes = 8 * 1024;
export const cutBytes = 64 * 1024;
/** Messages of a socket: so many at once, so many each second. */
export const messagesBurst = 200;
export const messagesPerSecond = 100;
/** So many times as many for who is exempt from the limits of routes: the process has to stay up. */
export const exemptTimes = 100;
/** Beyond the rate so many are refused, where they have an id; then the socket is closed (4429). */
export const refusedMax = 100;
/** Commands and subscriptions of a socket that wait for their answer; more are refused, whoever asks. */
export const inFlightMax = 100;
export const inFlightRetryMs = 100;
/** Messages that wait until it is known who sent them. */
export const waitingMax = 20;
export const salesPerSocketMax = 50;
export const socketsPerCallerMax = 50;
/** Of a process: beyond it 503. */
export const socketsMax = 100_000;

/**
 * Opened each second, of a crowd that comes in one instant, while others wait for answers; and while
 * nobody does. So many of the crowd wait for their turn.
 */
export const entry = { busyPerSecond: 2000, calmPerSecond: 10_000, waitingMax: 50_000 } as const;

/** What a client has not taken: from here on it gets the latest state later instead of a backlog. */
export const lagBytes = 16 * 1024;
/** Below it, it has caught up. */
export const caughtUpBytes = 1024;
export const bufferedMaxBytes = 64 * 1024;
/** A client that does not catch up within this time is closed (4408). */
export const lagMaxMs = 10_000;

/** Messages that are kept for a resume, of each session. */
export const keptMax = 32;
/** Orders whose last state a session remembers for its snapshots. */
export const ordersMax = 16;
/** How long a session waits for its client to come back, and how many do. */
export const resumeWithinMs = 120_000;
export const parkedMax = 100_000;

export const idleSeconds = 60;
export const tickMs = 1000;
/** Well within the grace of 30 s after which who is absent is parked. */
export const presenceMs = 8000;
/** Tickets that are read at the same time when their numbers are there: holds wait behind them. */
export const readsAtOnce = 512;
/** More than these are told their numbers from one list; fewer are looked at one by one. */
export const crowdMin = 256;
/** So long before a bell a crowd is told no tick any more. */
export const tickRestsMs = 700;
/** So long after a bell a crowd waits for its numbers before it is told a tick. */
export const tickWaitsMs = 2000;
/** Of these so many in one go. */
export const toldAtOnce = 128;
/** Orders and tickets that changed and wait to be read; above it all of their lane is. */
export const looksMax = 50_000;
/** What comes within it, of one sale, is told once. */
export const gatherMs = 20;
/** Until what nobody could say is asked again; twice as long each time. */
export const againMinMs = 500;
/** A snapshot may be so old; ticks follow. */
export const viewFreshMs = 250;
export const sweepMs = 500;

/** After a goodbye so many clients come back each second; each waits between the two. */
export const returnsPerSecond = 2000;
export const returnSpreadMinMs = 1000;
/** Within the grace of a ticket whose owner is absent (30 s): nobody is parked for a restart of ours. */
export const returnSpreadMaxMs = 20_000;
