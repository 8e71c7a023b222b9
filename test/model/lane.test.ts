// The lane protocol, searched exhaustively: with every rule no interleaving breaks an invariant and
// from every state a way leads to rest; without any one of them the loss that it prevents is back.
import { describe, expect, it } from 'vitest';
import { always, deep, instanceOf, inWords } from './lane/instances.ts';
import { laneModel } from './lane/model.ts';
import { allRules, ruleNames, without, type Rule } from './lane/rules.ts';
import { strangers, type Stranger } from './lane/steps.ts';
import { readable, search, type Result } from './search.ts';

const statesMax = 3_000_000;
const timeoutMs = 600_000;
const isDeep = process.env['MODEL_DEPTH'] === 'deep';

type Wanted = Parameters<typeof instanceOf>[0];

const searched = (wanted: Wanted, ...off: Rule[]): Result =>
  search(laneModel(instanceOf(wanted), without(...off)), statesMax);

describe('the lane protocol', () => {
  it.each([...always, ...(isDeep ? deep : [])].map((wanted) => [inWords(wanted), wanted] as const))(
    'holds with %s',
    (name, wanted) => {
      const result = searched(wanted);
      if (result.finding !== null) expect.fail(readable(result.finding));
      expect(result.complete).toBe(true);
      if (isDeep) console.log(`${name}: ${result.states} states, ${result.depth} steps deep`);
    },
    timeoutMs,
  );
});

const answersFrozen = 'a lane answers though postgres says it is frozen';

/** The smallest instance in which a serving lane answers when that one has frozen it in Postgres. */
const untoldBy: Readonly<Record<Stranger, Wanted>> = {
  'the settler': { decisions: 2, restarts: 1, apis: 2 },
  'the wall': { decisions: 2, walls: 1 },
  'an api': { decisions: 2, restarts: 2, apis: 2 },
};

describe('what a lane answers while postgres says frozen', () => {
  it.each(strangers)('may be, after a freeze by %s that it was not told of', (by) => {
    const others = new Set(strangers.filter((one) => one !== by));
    const { finding } = search(laneModel(instanceOf(untoldBy[by]), allRules, others), statesMax);
    expect(finding?.what).toBe(answersFrozen);
  });

  it('is nothing once a trimmer has told it', () => {
    const { finding } = searched(untoldBy['the wall'], 'a frozen lane answers no batch');
    expect(finding?.what).toBe(answersFrozen);
    expect(finding?.trace.join()).toMatch(/the wall refuses.*flags the lane/);
  });

  it('is nothing once the server was another', () => {
    const twice: Wanted = { ...untoldBy['the wall'], restarts: 1 };
    const asks: Rule[] = [
      'a frozen lane is not verified',
      'postgres is asked again before the script',
      'state and epoch are compared when they are set',
    ];
    const { finding } = searched(twice, ...asks);
    expect(finding?.what).toBe(answersFrozen);
    expect(finding?.trace.join()).toMatch(/the wall refuses.*redis restarts.*writes/);
  });
});

interface Shown {
  /** The smallest instance that shows it. */
  readonly by: Wanted;
  /** Part of what the counterexample must say. */
  readonly broken: string;
  /** Part of its last step. */
  readonly lastly?: string;
  /** Another rule that would catch it too, and is off beside it. */
  readonly beside?: Rule;
}

const lost = 'is let serve without';
const falsely = 'that was not rolled back';
const stuck = 'no way leads to rest';

/** What comes back without a rule. */
const shown: Readonly<Partial<Record<Rule, Shown>>> = {
  'no marker, no service': {
    by: { decisions: 1, emptied: 1 },
    broken: 'an open lane does not know d0, which is settled',
  },
  'only the verified server is used': {
    by: { decisions: 2, restarts: 1 },
    broken: 'which postgres has ended',
  },
  'every start begins a new epoch': { by: { decisions: 2, restarts: 1 }, broken: lost },
  'one server begins one epoch': {
    by: { decisions: 2, restarts: 1, verifiers: 2 },
    broken: 'which postgres has ended',
  },
  'postgres is asked again before the script': {
    by: { decisions: 2, restarts: 1, apis: 2 },
    broken: answersFrozen,
  },
  'kafka is not beyond the end of its epoch': { by: { decisions: 2, restarts: 1 }, broken: lost },
  'kafka is read from before the stored offset': {
    by: { decisions: 2, restarts: 1 },
    broken: lost,
    beside: 'postgres is asked again before the script',
  },
  'kafka is read after the end is stored': {
    by: { decisions: 3, restarts: 1, kafkaCuts: 1 },
    broken: 'is lost without a fault',
  },
  'the watermark is not ahead of the lane': {
    by: { decisions: 1, restarts: 2, forgets: 1 },
    broken: 'is settled and put away',
  },
  'state and epoch are compared when they are set': {
    by: { decisions: 2, restarts: 1, verifiers: 2 },
    broken: falsely,
  },
  'a rollback is judged after the comparison': {
    by: { decisions: 2, restarts: 1, verifiers: 2 },
    broken: falsely,
  },
  'the end of the epoch is stored': { by: { decisions: 2, restarts: 1 }, broken: lost },
  'an epoch has one end': { by: { decisions: 1, restarts: 2, forgets: 1 }, broken: stuck },
  'the script runs on the verified server': {
    by: { decisions: 1, restarts: 2, recoveries: 1 },
    broken: lost,
  },
  'the script compares the head': {
    by: { decisions: 1, restarts: 2 },
    broken: lost,
    beside: 'the script runs on the verified server',
  },
  'the script takes no epoch back': {
    by: { decisions: 1, restarts: 1, recoveries: 1 },
    broken: 'a lane answers in epoch 2, which postgres has ended',
    beside: 'postgres is asked again before the script',
  },
  'a batch carries the highest position seen': {
    by: { decisions: 2, restarts: 1 },
    broken: 'answers an api that has seen it',
  },
  'positions before the last recovery are not compared': {
    by: { decisions: 1, recoveries: 1 },
    broken: falsely,
  },
  'a frozen lane answers no batch': {
    by: { decisions: 1, recoveries: 1 },
    broken: answersFrozen,
  },
  'the lane flag is copied to postgres': { by: { decisions: 2, restarts: 1 }, broken: stuck },
  'the flag of a shut lane is copied too': {
    by: { decisions: 1, restarts: 2, forgets: 1 },
    broken: stuck,
  },
  'the postgres state is copied to the lane': {
    by: { decisions: 1, restarts: 2, forgets: 1 },
    broken: stuck,
  },
  'a freeze names the recovery that it is older than': {
    by: { decisions: 1, restarts: 1, recoveries: 1 },
    broken: falsely,
  },
  'the end of a quarantine is copied to the lane': {
    by: { decisions: 1, walls: 1 },
    broken: stuck,
  },
  'an older look ends no flag': {
    by: { decisions: 2, walls: 1, trimmers: 2 },
    broken: answersFrozen,
  },
  'a rollback is ended by a recovery only': {
    by: { decisions: 2, restarts: 1, walls: 1 },
    broken: 'put away and the lane is not frozen',
  },
  'what has settled is dropped': {
    by: { decisions: 1, relays: 2 },
    broken: 'is settled twice',
  },
  'an epoch begins behind the end of the one before': {
    by: { decisions: 3, restarts: 1, kafkaCuts: 1 },
    broken: stuck,
  },
  'the offset is stored with what it settled': {
    by: { decisions: 2, restarts: 1 },
    broken: 'is lost without a fault',
  },
  'the settler takes only what follows': {
    by: { decisions: 3, restarts: 1, kafkaCuts: 1 },
    broken: stuck,
  },
  'the relay begins at the watermark': { by: { decisions: 1, emptied: 1 }, broken: stuck },
  'the relay reads the oldest first': { by: { decisions: 3 }, broken: stuck },
  'a stall asks for a republish': { by: { decisions: 2, kafkaCuts: 1, trims: 1 }, broken: stuck },
  'a settlement holds the watermark': {
    by: { decisions: 2, settlers: 2 },
    broken: 'is settled twice',
  },
  'beyond the end of an epoch is put away': {
    by: { decisions: 2, restarts: 1 },
    broken: 'is lost without a fault',
  },
  'beyond the end of an epoch freezes': {
    by: { decisions: 2, restarts: 1 },
    broken: 'put away and the lane is not frozen',
  },
  'what a recovery ended does not freeze': { by: { decisions: 1, recoveries: 1 }, broken: falsely },
  'an offset beyond the end means the beginning': {
    by: { decisions: 2, kafkaCuts: 1, trims: 1 },
    broken: stuck,
  },
  'the outbox is trimmed up to the watermark': {
    by: { decisions: 2, kafkaCuts: 1, trims: 1 },
    broken: 'd1 is known to the lane and nowhere else',
    lastly: 'kafka loses its tail',
  },
  'every step checks the token': {
    by: { decisions: 1, recoveries: 2 },
    broken: answersFrozen,
  },
  'the verifier gives way to a recovery': {
    by: { decisions: 1, restarts: 1, recoveries: 1 },
    broken: answersFrozen,
  },
  'the lane is frozen before it is drained': {
    by: { decisions: 1, recoveries: 1 },
    broken: 'a lane answers in epoch 1, which postgres has ended',
  },
  'the epoch ends at the watermark': {
    by: { decisions: 1, recoveries: 1 },
    broken: 'is lost without a fault',
  },
  'what is not settled is put away': {
    by: { decisions: 1, recoveries: 1 },
    broken: 'is lost without a fault',
  },
  'what is left is put away after the end': {
    by: { decisions: 1, recoveries: 1 },
    broken: 'is settled and put away',
  },
  'the log is read again after the end': {
    by: { decisions: 2, recoveries: 1, kafkaCuts: 1, restarts: 1 },
    broken: 'is lost without a fault',
  },
  'the rebuild reads after the end': {
    by: { decisions: 1, recoveries: 1 },
    broken: 'does not know d0, which is settled',
  },
  'the rebuild clears the lane': {
    by: { decisions: 1, recoveries: 1 },
    broken: 'knows d0, which was put away',
  },
  'no step of a rebuild without the one before': {
    by: { decisions: 1, restarts: 1, recoveries: 1 },
    broken: 'knows d0, which was put away',
  },
  'postgres is unfrozen before the lane': {
    by: { decisions: 1, recoveries: 1 },
    broken: answersFrozen,
  },
  'a recovery counts from its unfreeze': {
    by: { decisions: 1, restarts: 1, recoveries: 1 },
    broken: falsely,
  },
  'the lane is flagged before postgres is frozen': {
    by: { decisions: 1, recoveries: 1 },
    broken: 'though postgres says it is frozen',
  },
  'a recovery takes no lane that a later one has made': {
    by: { decisions: 1, recoveries: 2 },
    broken: stuck,
  },
  'the flag of a recovery is not copied': { by: { decisions: 1, recoveries: 1 }, broken: falsely },
};

/** Rules that others make up for, in the instances that are searched without them (docs/model.md). */
const spare: readonly Rule[] = [
  'a frozen lane is not verified',
  'the lane is not below the last recovery',
  'a gap asks for a republish',
  'the run is stored with the unfreeze',
  'marker and run are written last',
];

/** Where a counterexample is looked for and not found; of the others of `always` none is searched. */
const looked: readonly Wanted[] = [
  { decisions: 2, restarts: 1, recoveries: 1 },
  { decisions: 2, restarts: 1, kafkaCuts: 1, relays: 2 },
];
const ofARebuild: Rule = 'marker and run are written last';
const aRebuild: Wanted = { decisions: 1, restarts: 1, recoveries: 1 };
const spareIn = spare.flatMap((rule) =>
  (rule === ofARebuild ? [aRebuild] : looked).map((by) => [rule, inWords(by), by] as const),
);

describe('without the rule', () => {
  const cases = Object.entries(shown) as [Rule, Shown][];

  it.each(cases)(
    '"%s" its counterexample is back',
    (rule, { by, broken, beside, lastly = '' }) => {
      if (beside !== undefined) expect(searched(by, beside).finding).toBeNull();
      const { finding } = searched(by, rule, ...(beside === undefined ? [] : [beside]));
      if (finding === null) expect.fail('no counterexample was found');
      if (process.env['MODEL_TRACES'] === 'yes') console.log(`${rule}\n${readable(finding)}`);
      expect(finding.what).toContain(broken);
      expect(finding.trace.at(-1)).toContain(lastly);
    },
    timeoutMs,
  );

  it.each(spareIn)(
    '"%s" others make up for it with %s',
    (rule, _, by) => {
      const { finding, complete } = searched(by, rule);
      expect([finding, complete]).toEqual([null, true]);
    },
    timeoutMs,
  );

  it('each rule is one or the other', () => {
    expect([...Object.keys(shown), ...spare].sort()).toEqual([...ruleNames].sort());
  });
});
