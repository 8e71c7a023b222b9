/** All sessions of this process: by id, for those who come back; by caller, for what is theirs. */
import { randomBytes } from 'node:crypto';
import type { SocketPeer } from '../../platform/http/socket.ts';
import type { Identity } from '../../platform/http/route.ts';
import type { ShopperId } from '../../engine/index.ts';
import type { Form } from './codec.ts';
import { parkedMax, resumeWithinMs, socketsPerCallerMax } from './limits.ts';
import { Session } from './session.ts';
import type { SessionOwner } from './session.ts';

const idBytes = 16;

/** Shoppers and vendors have names of their own. */
const callerOf = (identity: Identity): string =>
  identity.kind === 'shopper'
    ? `s:${identity.shopper}`
    : `v:${identity.kind === 'vendor' ? identity.vendor : ''}`;

export class Sessions {
  readonly #owner: SessionOwner;
  readonly #forgotten: (session: Session) => void;
  readonly #open = new Set<Session>();
  readonly #byId = new Map<string, Session>();
  readonly #byCaller = new Map<string, Set<Session>>();
  /** When each lost its connection; the first has waited longest. */
  readonly #parked = new Map<Session, number>();

  constructor(owner: SessionOwner, forgotten: (session: Session) => void) {
    this.#owner = owner;
    this.#forgotten = forgotten;
  }

  get open(): ReadonlySet<Session> {
    return this.#open;
  }

  /** Connected and parked, of known callers. */
  all(): Iterable<Session> {
    return this.#byId.values();
  }

  /** Whether it is somebody's, connected or waiting to be resumed. */
  has(session: Session): boolean {
    return this.#byId.get(session.id) === session;
  }

  get parked(): number {
    return this.#parked.size;
  }

  /** A new connection, of nobody yet. */
  begin(form: Form, peer: SocketPeer, now: number): Session {
    const id = `ses_${randomBytes(idBytes).toString('base64url')}`;
    const session = new Session(id, form, peer, this.#owner, now);
    this.#open.add(session);
    return session;
  }

  /** It has said who it is. False when that caller has too many. */
  greet(session: Session, identity: Identity): boolean {
    const caller = callerOf(identity);
    let own = this.#byCaller.get(caller);
    if (own === undefined) this.#byCaller.set(caller, (own = new Set()));
    if (own.size >= socketsPerCallerMax && !this.#makeRoom(own)) return false;
    session.identity = identity;
    session.greeted = true;
    own.add(session);
    this.#byId.set(session.id, session);
    return true;
  }

  /** Those of a caller that only wait to be resumed give way. */
  #makeRoom(own: ReadonlySet<Session>): boolean {
    for (const session of own) {
      if (!this.#parked.has(session)) continue;
      this.#forget(session);
      return true;
    }
    return false;
  }

  /** Of this caller; undefined = unknown, forgotten, or somebody else's. */
  find(id: string, identity: Identity): Session | undefined {
    const found = this.#byId.get(id);
    if (found?.identity === undefined || found.identity === null) return undefined;
    return callerOf(found.identity) === callerOf(identity) ? found : undefined;
  }

  /** The connection of `fresh` becomes that of `found`. Answers the one that it had. */
  resume(found: Session, fresh: Session): SocketPeer | null {
    const before = found.peer;
    this.#open.delete(fresh);
    this.#parked.delete(found);
    this.#open.add(found);
    found.moveTo(fresh.peer);
    found.form = fresh.form;
    found.identity = fresh.identity;
    found.expiresAt = fresh.expiresAt;
    found.authorization = fresh.authorization;
    fresh.moveTo(null);
    return before;
  }

  /** Its connection is gone: it waits to be resumed. */
  park(session: Session, now: number): void {
    this.#open.delete(session);
    session.moveTo(null);
    if (!session.greeted) return;
    this.#parked.set(session, now);
    if (this.#parked.size <= parkedMax) return;
    for (const oldest of this.#parked.keys()) {
      this.#forget(oldest);
      return;
    }
  }

  /** Forgets those that nobody came back for. */
  sweep(now: number): void {
    for (const [session, since] of this.#parked) {
      if (now - since < resumeWithinMs) return;
      this.#forget(session);
    }
  }

  ofShopper(shopper: ShopperId): Iterable<Session> {
    return this.#byCaller.get(`s:${shopper}`) ?? [];
  }

  #forget(session: Session): void {
    this.#parked.delete(session);
    this.#byId.delete(session.id);
    if (session.identity !== null) {
      const caller = callerOf(session.identity);
      const own = this.#byCaller.get(caller);
      own?.delete(session);
      if (own?.size === 0) this.#byCaller.delete(caller);
    }
    this.#forgotten(session);
  }
}
