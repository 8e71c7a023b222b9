/**
 * Whether a Kafka broker answers: one ApiVersions request over a plain connection. The api needs
 * Kafka for nothing else, so it does not hold a client; and a port that is open is no answer yet.
 */
import { connect } from 'node:net';

/** ApiVersions (18) version 0, correlation 1, no client id; after its own length. */
const question = Buffer.from('0000000a001200000000' + '0001' + 'ffff', 'hex');

/** Rejects unless one of the brokers (`host:port`) answers within the time. */
export async function probeKafka(brokers: readonly string[], timeoutMs: number): Promise<void> {
  await Promise.any(brokers.map((broker) => ask(broker, timeoutMs)));
}

function ask(broker: string, timeoutMs: number): Promise<void> {
  const cut = broker.lastIndexOf(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host: broker.slice(0, cut), port: Number(broker.slice(cut + 1)) });
    const fail = (why: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(why);
    };
    const timer = setTimeout(() => {
      fail(new Error(`${broker} did not answer`));
    }, timeoutMs);
    socket.on('connect', () => socket.write(question));
    socket.on('error', fail);
    socket.on('close', () => {
      fail(new Error(`${broker} closed the connection`));
    });
    socket.on('data', () => {
      clearTimeout(timer);
      socket.destroy();
      resolve();
    });
  });
}
