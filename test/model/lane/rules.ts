/**
 * The rules of the lane protocol (docs/model.md), each a switch. All on = the protocol as built; a
 * test turns one off and waits for the loss that it prevents.
 */
export const ruleNames = [
  // Lanes
  'no marker, no service',
  'only the verified server is used',
  'every start begins a new epoch',
  'one server begins one epoch',
  'a frozen lane is not verified',
  'postgres is asked again before the script',
  'the lane is not below the last recovery',
  'kafka is not beyond the end of its epoch',
  'kafka is read from before the stored offset',
  'kafka is read after the end is stored',
  'the watermark is not ahead of the lane',
  'state and epoch are compared when they are set',
  'a rollback is judged after the comparison',
  'the end of the epoch is stored',
  'an epoch has one end',
  'the script runs on the verified server',
  'the script compares the head',
  'the script takes no epoch back',
  'a batch carries the highest position seen',
  'positions before the last recovery are not compared',
  'a frozen lane answers no batch',
  'the lane flag is copied to postgres',
  'the flag of a shut lane is copied too',
  'the postgres state is copied to the lane',
  'a freeze names the recovery that it is older than',
  'the end of a quarantine is copied to the lane',
  'an older look ends no flag',
  'a rollback is ended by a recovery only',
  // Outbox, Kafka, Postgres
  'the settler takes only what follows',
  'what has settled is dropped',
  'an epoch begins behind the end of the one before',
  'the offset is stored with what it settled',
  'the relay begins at the watermark',
  'the relay reads the oldest first',
  'a gap asks for a republish',
  'a stall asks for a republish',
  'a settlement holds the watermark',
  'beyond the end of an epoch is put away',
  'beyond the end of an epoch freezes',
  'what a recovery ended does not freeze',
  'an offset beyond the end means the beginning',
  'the outbox is trimmed up to the watermark',
  // Recovery
  'every step checks the token',
  'the verifier gives way to a recovery',
  'the lane is frozen before it is drained',
  'the epoch ends at the watermark',
  'what is not settled is put away',
  'what is left is put away after the end',
  'the log is read again after the end',
  'the rebuild reads after the end',
  'the rebuild clears the lane',
  'no step of a rebuild without the one before',
  'marker and run are written last',
  'the run is stored with the unfreeze',
  'postgres is unfrozen before the lane',
  'a recovery counts from its unfreeze',
  'the lane is flagged before postgres is frozen',
  'a recovery takes no lane that a later one has made',
  'the flag of a recovery is not copied',
] as const;

export type Rule = (typeof ruleNames)[number];
export type Rules = ReadonlySet<Rule>;

export const allRules: Rules = new Set(ruleNames);

export const without = (...off: readonly Rule[]): Rules =>
  new Set(ruleNames.filter((rule) => !off.includes(rule)));
