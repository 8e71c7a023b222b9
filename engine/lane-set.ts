/** All lanes of a process: the gate, the batchers of each lane, shop and line over them. */
import { join } from 'node:path';
import { projectRoot, type Config } from '../platform/config.ts';
import type { Log } from '../platform/log.ts';
import type { Db } from '../platform/postgres/db.ts';
import { readScript, type Script } from '../platform/redis/scripts.ts';
import { messageOf } from '../platform/fault.ts';
import {
  packBatch,
  packLineBatch,
  readLineReplies,
  readReplies,
  type Plain,
} from './lanes/batch.ts';
import { Batcher, type BatcherOptions } from './lanes/batcher.ts';
import { CommandCaller } from './lanes/command-caller.ts';
import { LaneGate } from './lanes/gate.ts';
import { pushLineKeys, pushSaleKeys } from './lanes/keys.ts';
import { HoldLoad } from './lanes/load.ts';
import { idSecretOf } from './lanes/order-key.ts';
import { receiptKeys } from './lanes/receipt.ts';
import { Line, shareLine } from './line.ts';
import { copyRollback } from './settle/quarantine.ts';
import type { Settings } from './settings.ts';
import { configuredStores } from './stores.ts';
import { ShopLines } from './shop-lines.ts';
import { Shop } from './shop.ts';

export interface LaneSet {
  readonly gate: LaneGate;
  readonly shop: Shop;
  readonly shopLines: ShopLines;
  readonly line: Line;
  /** How long this process's holds take. */
  readonly load: HoldLoad;
  readonly caller: CommandCaller;
  close(): Promise<void>;
}

/** What the batchers of shop and line differ in. */
type OwnOptions = Pick<
  BatcherOptions,
  'script' | 'pushKeys' | 'packCommands' | 'readReplies' | 'share'
>;

const scripts = new Map<string, Script>();

/** Read once. */
export function scriptOf(name: string): Script {
  const script = scripts.get(name) ?? readScript(join(projectRoot(), 'lua'), name);
  scripts.set(name, script);
  return script;
}

export function openLanes(
  config: Config,
  settings: Settings,
  db: Db,
  log: Log,
  onUnverified?: (lane: number, runId: string) => string,
  stores = configuredStores(config, log),
): LaneSet {
  const gate = new LaneGate({
    redis: stores.redis(`highnoon-${config.processName}`, config.commandTimeoutMs),
    lanes: settings.lanes,
    deployment: settings.deployment,
    ...(onUnverified === undefined ? {} : { onUnverified }),
  });
  const onFrozen = (lane: number, reason: string, epoch: number): void => {
    copyRollback(db, lane, reason, epoch).catch((error: unknown) => {
      // The trimmer copies the lane's flag too.
      log.error({ lane, err: messageOf(error) }, 'could not tell Postgres of a frozen lane');
    });
  };
  const secret = idSecretOf(settings.idSecret);
  const batchersOf = (own: OwnOptions): Batcher[] =>
    gate.doors.map(
      ({ lane }) =>
        new Batcher({
          ...own,
          gate,
          lane,
          batchMax: config.batchMax,
          inDoubtMax: config.inDoubtMax,
          inDoubtMaxAgeMs: config.inDoubtMaxAgeSeconds * 1000,
          log,
          onFrozen,
        }),
    );
  const shop = batchersOf({
    script: scriptOf('shop'),
    pushKeys: pushSaleKeys,
    packCommands: packBatch,
    readReplies: (replies, [plain]) => readReplies(replies, plain as Plain[]),
  });
  const line = batchersOf({
    script: scriptOf('line'),
    pushKeys: (keys, lane, sale) => {
      pushSaleKeys(keys, lane, sale);
      pushLineKeys(keys, lane, sale);
    },
    packCommands: packLineBatch,
    readReplies: (replies, _, commands) => readLineReplies(replies, commands),
    share: shareLine(receiptKeys(secret)),
  });
  const load = new HoldLoad(settings.lanes);
  return {
    gate,
    shop: new Shop(shop, secret, load),
    shopLines: new ShopLines(shop, secret),
    load,
    line: new Line(line, secret),
    caller: new CommandCaller(db, gate, scriptOf('command'), onFrozen),
    close: () => gate.close(),
  };
}
