/**
 * The socket of a page: says who it is, comes back by itself where it was, and asks unanswered commands
 * again under their own ids, so that none is done twice and none is lost. The place to come back to has
 * the page's own name: a session is of the sales that it watched, and tells of those.
 */

const retryMinMs = 500;
const retryMaxMs = 10_000;
const protocol = 'highnoon.v1.json';
const codes = { normal: 1000, badMessage: 4400, noIdentity: 4401, notAllowed: 4403 };
const placeGone = new Set([codes.normal, codes.badMessage, codes.notAllowed]);

export class LiveSocket {
  #token;
  #onMessage;
  #onState;
  #socket = null;
  #placeName;
  #place;
  #sales = new Set();
  #asked = new Map();
  #tries = 0;
  #wait = null;
  #ended = false;

  /**
   * `name` is of the place to come back to. `token()` answers a token, or a promise of one; `fresh` =
   * the last one was not taken.
   */
  constructor({ name, token, onMessage, onState }) {
    this.#placeName = `highnoon.socket.${name}`;
    this.#place = JSON.parse(sessionStorage.getItem(this.#placeName) ?? 'null');
    this.#token = token;
    this.#onMessage = onMessage;
    this.#onState = onState;
    void this.#open(false);
  }

  subscribe(sale) {
    this.#sales.add(sale);
    this.#send({ type: 'subscribe', sale });
  }

  /** The outcome of a command, however often the connection is cut meanwhile. */
  ask(message) {
    return new Promise((resolve) => {
      this.#asked.set(message.id, { message, resolve });
      this.#send(message);
    });
  }

  /** There is nothing to watch: it is closed, and does not come back. */
  end() {
    this.#ended = true;
    this.#forget();
    this.#socket?.close(codes.normal);
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN && this.#socket.greeted) {
      this.#socket.send(JSON.stringify(message));
    }
  }

  async #open(fresh) {
    this.#onState('connecting');
    let token;
    try {
      token = await this.#token(fresh);
    } catch {
      this.#again();
      return;
    }
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/v1/socket`, protocol);
    this.#socket = socket;
    socket.onopen = () => {
      const resume = this.#place === null ? {} : { resume: this.#place };
      socket.send(JSON.stringify({ type: 'hello', token, ...resume }));
    };
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return;
      // A second tab may have taken this place over.
      if (placeGone.has(code)) this.#forget();
      this.#again(code === codes.noIdentity);
    };
  }

  #again(fresh = false) {
    if (this.#ended) return;
    this.#socket = null;
    this.#onState('away');
    const grown = Math.min(retryMinMs * 2 ** this.#tries, retryMaxMs);
    const wait = this.#wait ?? grown * (0.5 + Math.random() / 2);
    this.#wait = null;
    this.#tries += 1;
    setTimeout(() => void this.#open(fresh), wait);
  }

  #forget() {
    this.#place = null;
    sessionStorage.removeItem(this.#placeName);
  }

  #take(message) {
    const { type, seq } = message;
    if (type === 'welcome') this.#welcome(message);
    if (seq !== undefined && this.#place !== null) {
      this.#place.seq = seq;
      sessionStorage.setItem(this.#placeName, JSON.stringify(this.#place));
    }
    if (type === 'goodbye') this.#wait = message.reconnect_after_ms;
    if (type === 'outcome') {
      this.#asked.get(message.id)?.resolve(message);
      this.#asked.delete(message.id);
    }
    this.#onMessage(message);
  }

  #welcome({ session, seq }) {
    this.#tries = 0;
    this.#place = { session, seq };
    this.#socket.greeted = true;
    this.#onState('live');
    for (const sale of this.#sales) this.#send({ type: 'subscribe', sale });
    for (const { message } of this.#asked.values()) this.#send(message);
  }
}
