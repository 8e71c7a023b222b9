// The proxy does to a connection what it is told, and nothing else.
import { createServer, connect, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/environment.ts';
import { linkTo, type Link } from '../../support/link.ts';

/** A client that remembers what it was sent and whether it was cut. */
class Client {
  readonly socket: Socket;
  text = '';
  closed = false;

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port });
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
    });
  }
}

describe('a proxy that misbehaves on request', () => {
  let echo: Server;
  let heard: string;
  let proxy: Link;
  const clients: Client[] = [];

  const open = (): Client => {
    const client = new Client(proxy.port);
    clients.push(client);
    return client;
  };

  beforeEach(async () => {
    heard = '';
    echo = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        heard += chunk.toString();
        socket.write(chunk);
      });
    });
    await new Promise<void>((resolve) => {
      echo.listen(0, '127.0.0.1', () => {
        resolve();
      });
    });
    const address = echo.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    proxy = await linkTo(`tcp://127.0.0.1:${port}`);
  });

  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await proxy.close();
    echo.close();
  });

  it('passes everything on, both ways', async () => {
    const client = open();
    client.socket.write('hello');
    await until('the echo', () => client.text === 'hello');
    expect(proxy.connections).toBe(1);
  });

  it('loses a reply whose request arrived', async () => {
    proxy.loseReplies(1);
    const client = open();
    client.socket.write('order');
    await until('the connection is cut', () => client.closed);
    expect([heard, client.text, proxy.lost]).toEqual(['order', '', 1]);
    const again = open();
    again.socket.write('again');
    await until('the next one works', () => again.text === 'again');
  });

  it('cuts a reply in its middle', async () => {
    proxy.loseReplies(1, 0.5);
    const client = open();
    client.socket.write('an order');
    await until('the connection is cut', () => client.closed);
    expect([heard, client.text, proxy.lost]).toEqual(['an order', 'an o', 1]);
    const again = open();
    again.socket.write('again');
    await until('the next one works', () => again.text === 'again');
  });

  it('closes although somebody keeps their half of what was cut in its middle', async () => {
    proxy.loseReplies(1, 0.5);
    const socket = connect({ host: '127.0.0.1', port: proxy.port, allowHalfOpen: true });
    socket.on('error', () => undefined);
    socket.write('abcd');
    let got = '';
    socket.on('data', (chunk) => (got += chunk.toString()));
    await until('half of the reply', () => got === 'ab');
    await proxy.close();
    socket.destroy();
  });

  it('is silent without cutting, and delivers later', async () => {
    const client = open();
    client.socket.write('a');
    await until('the echo', () => client.text === 'a');
    proxy.misbehave({ silent: true });
    client.socket.write('b');
    const other = open();
    other.socket.write('c');
    await until('both are connected', () => proxy.connections === 2);
    expect([client.text, client.closed, heard]).toEqual(['a', false, 'a']);
    proxy.behave();
    await until('all of it arrives', () => client.text === 'ab' && other.text === 'c');
  });

  it('cuts, and refuses while told to', async () => {
    const client = open();
    client.socket.write('x');
    await until('the echo', () => client.text === 'x');
    await proxy.cut();
    await until('the cut', () => client.closed);
    const refused = open();
    await until('the refusal', () => refused.closed);
    expect(heard).toBe('x');
    expect([await proxy.mend(), await proxy.mend()]).toEqual([true, false]);
    const mended = open();
    mended.socket.write('y');
    await until('it works again', () => mended.text === 'y');
  });

  it('lets nothing overtake what is late, also when it behaves again', async () => {
    proxy.misbehave({ delayMs: 200 });
    const client = open();
    client.socket.write('first;');
    await until('its echo is on its way', () => heard === 'first;');
    proxy.behave();
    client.socket.write('second;');
    await until('both arrive', () => client.text.length === 13);
    expect(client.text).toBe('first;second;');
  });

  it('loses the reply to the request that is meant, and no other', async () => {
    const lost = proxy.loseReply((request) => request.toString() === 'this');
    const client = open();
    client.socket.write('that');
    await until('another request is answered', () => client.text === 'that');
    client.socket.write('this');
    await lost;
    await until('its connection is cut', () => client.closed);
    expect([heard, client.text]).toEqual(['thatthis', 'that']);
  });

  it('changes what comes from the server', async () => {
    const changed = await linkTo(proxy.url, { change: (b) => Buffer.from(`${b.toString()}!`) });
    const client = new Client(changed.port);
    clients.push(client);
    client.socket.write('a');
    await until('the changed echo', () => client.text === 'a!');
    await changed.close();
  });

  it('keeps the order when it delays and cuts into pieces', async () => {
    proxy.misbehave({ delayMs: 2, pieceBytes: 1 });
    const client = open();
    const words = Array.from({ length: 20 }, (_, i) => `word ${i};`);
    for (const word of words) client.socket.write(word);
    await until('all of it', () => client.text === words.join(''));
  });
});
