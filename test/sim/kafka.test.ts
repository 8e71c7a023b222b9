/** The simulated Kafka does what the real one is seen to do: the same cases for both. */
import { describe, it } from 'vitest';
import { kafkaCases } from '../integration/platform/kafka-contract.ts';
import { Faults } from './faults.ts';
import { Scheduler } from './scheduler.ts';
import { SimKafka } from './stores/kafka.ts';

const limitMs = 120_000;

describe("the simulation's log, held to the cases of Kafka's port", () => {
  it.each(kafkaCases)('$name', async ({ run }) => {
    const scheduler = new Scheduler(1);
    const broker = new SimKafka(scheduler, new Faults(scheduler));
    const kafka = broker.port(scheduler.world);
    const until = async (_: string, condition: () => boolean): Promise<void> => {
      while (!condition()) await scheduler.sleep(10);
    };
    broker.make({ topic: 't', partitions: 2, replication: 1 });
    let ended = false;
    let failure: unknown = null;
    scheduler.after(0, () => {
      run(kafka, 't', until)
        .catch((error: unknown) => (failure = error))
        .finally(() => (ended = true));
    });
    await scheduler.run(() => ended, limitMs);
    if (failure !== null) throw failure as Error;
  });
});
