// A broker is there when it answers, not when its port is open.
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createKafkaProbe, type KafkaProbe } from '../../../api/kafka-probe.ts';

const probes: KafkaProbe[] = [];
const servers: { server: Server; sockets: Set<Socket> }[] = [];

async function broker(onData: (socket: Socket, bytes: Buffer) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      onData(socket, bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({ server, sockets });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function ask(brokers: readonly string[], timeoutMs: number): Promise<void> {
  const probe = createKafkaProbe(brokers);
  probes.push(probe);
  return probe.ask(timeoutMs);
}

afterEach(() => {
  for (const probe of probes.splice(0)) probe.close();
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

describe('a probe of kafka', () => {
  it('asks for ApiVersions and takes any answer', async () => {
    const asked: Buffer[] = [];
    const here = await broker((socket, bytes) => {
      asked.push(bytes);
      socket.write(Buffer.from('00000004' + '00000001', 'hex'));
    });
    await expect(ask([here], 1000)).resolves.toBeUndefined();
    const question = Buffer.concat(asked);
    expect(question.readInt32BE(0)).toBe(question.length - 4);
    expect(question.readInt16BE(4)).toBe(18);
  });

  it('rejects when it stays silent, hangs up or is not there', async () => {
    const silent = await broker(() => undefined);
    await expect(ask([silent], 50)).rejects.toThrow();
    const rude = await broker((socket) => socket.destroy());
    await expect(ask([rude], 1000)).rejects.toThrow();
    await expect(ask(['127.0.0.1:9'], 1000)).rejects.toThrow();
    await expect(ask([], 1000)).rejects.toThrow();
  });

  it('needs one of several', async () => {
    const here = await broker((socket) => socket.write('....'));
    await expect(ask(['127.0.0.1:9', here], 1000)).resolves.toBeUndefined();
  });

  it('asks over one connection for as long as it holds, and over a new one after it', async () => {
    const asked: Socket[] = [];
    const here = await broker((socket) => {
      asked.push(socket);
      socket.write('....');
    });
    const probe = createKafkaProbe([here]);
    probes.push(probe);
    await probe.ask(1000);
    await Promise.all([probe.ask(1000), probe.ask(1000)]);
    expect(asked).toHaveLength(2);
    expect(asked[1]).toBe(asked[0]);
    asked[0]?.destroy();
    await expect.poll(() => probe.ask(1000).then(() => asked.at(-1) !== asked[0])).toBe(true);
  });

  it('takes no late answer for a new one', async () => {
    const sockets: Socket[] = [];
    const here = await broker((socket) => sockets.push(socket));
    const probe = createKafkaProbe([here]);
    probes.push(probe);
    await expect(probe.ask(50)).rejects.toThrow();
    const second = probe.ask(200);
    sockets[0]?.write('....');
    await expect(second).rejects.toThrow();
  });
});
