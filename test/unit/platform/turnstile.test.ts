// A crowd at the door: in order, a few at a time, nobody lost; who comes alone does not wait.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { raiseBacklog } from '../../../platform/http/backlog.ts';
import { Turnstile } from '../../../platform/http/turnstile.ts';

const options = { busyPerSecond: 2000, calmPerSecond: 10_000, waitingMax: 1000 };

describe('a turnstile', () => {
  it('lets in at once who comes alone, and a crowd in order, a few at a time', async () => {
    const door = new Turnstile({ ...options, isBusy: () => true });
    const inside: number[] = [];
    const come = (who: number): boolean => door.pass(() => inside.push(who) > 0);
    expect(come(0)).toBe(true);
    expect(inside).toEqual([0]);
    for (let who = 1; who < 300; who++) come(who);
    expect(inside.length).toBeLessThan(200);
    expect(door.waiting).toBe(300 - inside.length);
    await expect.poll(() => inside.length, { interval: 5 }).toBe(300);
    expect(inside).toEqual(Array.from({ length: 300 }, (_, who) => who));
    expect(door.waiting).toBe(0);
  });

  it('turns away who finds no room, and gives the turn of who has gone to the next', async () => {
    let isShut = true;
    const door = new Turnstile({
      ...options,
      busyPerSecond: 0,
      waitingMax: 50,
      isBusy: () => isShut,
    });
    for (let who = 0; who < 100; who++) expect(door.pass(() => true)).toBe(true);
    let here = 0;
    const gone = (): boolean => false;
    for (let who = 0; who < 49; who++) expect(door.pass(gone)).toBe(true);
    expect(door.pass(() => (here += 1) > 0)).toBe(true);
    expect(door.pass(() => true)).toBe(false);
    isShut = false;
    await expect.poll(() => here, { interval: 5 }).toBe(1);
  });
});

describe('a longer queue of connections', () => {
  it('is asked for without taking one of them', async () => {
    const server = createServer((socket) => socket.end('here'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const raised = raiseBacklog(port, 2048);
    const answers = Array.from({ length: 20 }, async () => {
      const [bytes] = (await once(connect(port, '127.0.0.1'), 'data')) as [Buffer];
      return bytes.toString();
    });
    await raised;
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 20 }, () => 'here'));
    server.close();
    await once(server, 'close');
    await expect(raiseBacklog(port, 2048)).rejects.toThrow('no socket');
  });
});
