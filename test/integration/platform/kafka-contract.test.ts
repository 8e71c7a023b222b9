/** The real Kafka, by the cases that the simulated one is held to. */
import { afterAll, describe, it } from 'vitest';
import { until } from '../../support/environment.ts';
import { testKafka } from '../../support/kafka.ts';
import { kafkaCases } from './kafka-contract.ts';

describe("Kafka, held to the cases that the simulation's log holds", () => {
  const own = testKafka();
  afterAll(() => own.close());

  it.each(kafkaCases.map((one, i) => ({ ...one, topic: `${own.prefix}case-${i}` })))(
    '$name',
    async ({ run, topic }) => {
      await own.makeTopics(1, [{ topic, partitions: 2, replication: 1 }]);
      await run(own.kafka, topic, until);
    },
  );
});
