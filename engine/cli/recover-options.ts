/** What the commands that recover a lane share. */
import type { KafkaProducer } from '../../platform/kafka/port.ts';
import { scriptOf } from '../lane-set.ts';
import type { RecoverOptions } from '../recover.ts';
import type { Settings } from '../settings.ts';
import { topicsOf, topicSpecs } from '../topics.ts';
import type { ProgressLine } from './progress.ts';
import type { Stores } from './run.ts';

/** Options for a recovery of this lane that says how far it has come. */
export function recoverOptions(
  stores: Stores,
  settings: Settings,
  producer: KafkaProducer,
  lane: number,
  progress: ProgressLine,
): RecoverOptions {
  const { config, db, redis, kafka } = stores;
  let at = '';
  return {
    ...{ db, redis, kafka, producer, settings, script: scriptOf('rebuild') },
    topic: topicsOf(config.topicPrefix).orders,
    topics: topicSpecs(config.topicPrefix, settings.lanes, config.kafkaReplication),
    onStep: (step) => progress.show((at = `lane ${lane}: ${step}`)),
    onProgress: (far) => progress.show(`${at}, ${far}`),
  };
}
