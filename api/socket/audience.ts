/** The hub, as those see it who tell its sockets what the lanes decide. */
import type { Log } from '../../platform/log.ts';
import type { SaleId } from '../../engine/index.ts';
import type { Api } from '../api.ts';
import type { CommandParts } from './commands.ts';
import type { Room } from './room.ts';
import type { Sessions } from './sessions.ts';

export interface Audience {
  readonly api: Api;
  readonly parts: CommandParts;
  readonly log: Log;
  readonly sessions: Sessions;
  readonly rooms: ReadonlyMap<SaleId, Room>;
  tell(room: Room, withTick: boolean): void;
}
