/** One socket of the crowd: its session, its place, and what it has heard. */
import { textFrame, WebSocketLink } from '../client/web-socket.ts';
import type { Target } from '../client/connection.ts';

/** What a waiter tells the crowd. `bytes` are valid until this returns. */
export interface WaiterOwner {
  welcomed(waiter: Waiter, resumed: string | false): void;
  /** A snapshot, its ticket's number in it. */
  shown(waiter: Waiter, number: number | null): void;
  outcome(waiter: Waiter, ok: boolean, text: string): void;
  numbered(waiter: Waiter, number: number): void;
  tick(bytes: Buffer): void;
  lost(waiter: Waiter, why: string): void;
}

const protocol = 'highnoon.v1.json';
const seqPattern = /"seq":(\d+)/;
const numberPattern = /"number":(\d+)/;
const ticketPattern = /"ticket":(\{.*?\}|null),"orders":/;
const resumedPattern = /"resumed":(?:"(\w+)"|false)/;
/** `{"type":"` comes first in every message. */
const typeAt = '{"type":"'.length;

export class Waiter {
  readonly index: number;
  session = '';
  seq = 0;
  number: number | null = null;
  readonly #link: WebSocketLink;
  readonly #owner: WaiterOwner;
  readonly #token: string;

  constructor(index: number, token: string, owner: WaiterOwner) {
    this.index = index;
    this.#token = token;
    this.#owner = owner;
    this.#link = new WebSocketLink({
      opened: () => {
        const resume = this.session === '' ? {} : { resume: this.#place() };
        this.send(textFrame(JSON.stringify({ type: 'hello', token: this.#token, ...resume })));
      },
      message: (bytes) => this.#take(bytes),
      closed: (why) => owner.lost(this, why),
    });
  }

  open(target: Target, localAddress: string | undefined): void {
    this.#link.open(target, '/v1/socket', protocol, localAddress);
  }

  send(frame: Buffer): void {
    this.#link.send(frame);
  }

  cut(): void {
    this.#link.cut();
  }

  #place() {
    return { session: this.session, seq: this.seq };
  }

  #take(bytes: Buffer): void {
    const type = bytes.toString('latin1', typeAt, bytes.indexOf('"', typeAt));
    if (type === 'tick') {
      this.#owner.tick(bytes);
      return;
    }
    if (type === 'sale') return;
    const text = bytes.toString('latin1');
    this.seq = Number(seqPattern.exec(text)?.[1] ?? this.seq);
    if (type === 'ticket') this.#ticket(text);
    else if (type === 'outcome') this.#owner.outcome(this, text.includes('"ok":true'), text);
    else if (type === 'snapshot') this.#snapshot(text);
    else if (type === 'welcome') this.#welcome(text);
  }

  #welcome(text: string): void {
    const { session } = JSON.parse(text) as { session: string };
    this.session = session;
    this.#owner.welcomed(this, resumedPattern.exec(text)?.[1] ?? false);
  }

  #snapshot(text: string): void {
    const ticket = ticketPattern.exec(text)?.[1] ?? '';
    const number = numberPattern.exec(ticket)?.[1];
    this.#owner.shown(this, number === undefined ? null : Number(number));
  }

  #ticket(text: string): void {
    const number = numberPattern.exec(text)?.[1];
    if (number === undefined || this.number !== null) return;
    this.number = Number(number);
    this.#owner.numbered(this, this.number);
  }
}
