// A broker is there when it answers, not when its port is open.
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { probeKafka } from '../../../api/kafka-probe.ts';

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

afterEach(() => {
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

describe('probeKafka', () => {
  it('asks for ApiVersions and takes any answer', async () => {
    const asked: Buffer[] = [];
    const here = await broker((socket, bytes) => {
      asked.push(bytes);
      socket.write(Buffer.from('00000004' + '00000001', 'hex'));
    });
    await expect(probeKafka([here], 1000)).resolves.toBeUndefined();
    const question = Buffer.concat(asked);
    expect(question.readInt32BE(0)).toBe(question.length - 4);
    expect(question.readInt16BE(4)).toBe(18);
  });

  it('rejects when it stays silent, hangs up or is not there', async () => {
    const silent = await broker(() => undefined);
    await expect(probeKafka([silent], 50)).rejects.toThrow();
    const rude = await broker((socket) => socket.destroy());
    await expect(probeKafka([rude], 1000)).rejects.toThrow();
    await expect(probeKafka(['127.0.0.1:9'], 1000)).rejects.toThrow();
    await expect(probeKafka([], 1000)).rejects.toThrow();
  });

  it('needs one of several', async () => {
    const here = await broker((socket) => socket.write('....'));
    await expect(probeKafka(['127.0.0.1:9', here], 1000)).resolves.toBeUndefined();
  });
});
