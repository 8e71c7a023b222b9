/** Rules of the protocol, each broken by a change of a statement or a script on its way to its store. */

type Change = (text: string) => string;

export interface Mutant {
  readonly name: string;
  /** A statement as Postgres gets it. */
  readonly statement?: Change;
  /** A script as Redis gets it. */
  readonly script?: Change;
}

const change =
  (from: string | RegExp, to: string): Change =>
  (text) =>
    text.replace(from, to);

export const mutants: readonly Mutant[] = [
  {
    name: 'a claim that meets a row does nothing',
    statement: change(
      /DO UPDATE SET order_id = excluded\.order_id\s+WHERE u\.order_id IS NULL/,
      'DO NOTHING',
    ),
  },
  {
    name: 'a key is not looked up',
    script: change('if known then', 'if false then'),
  },
  {
    name: 'what is free is not looked at',
    script: change('if available(it) < ofItem then\n    return', 'if false then\n    return'),
  },
  {
    name: 'the outbox is trimmed before it has settled',
    script: change(
      "redis.call('XTRIM', KEYS[4], 'MINID', upTo)",
      "redis.call('XTRIM', KEYS[4], 'MAXLEN', 0)",
    ),
  },
  {
    name: 'a lane command is applied again',
    script: change('if number <= last then', 'if false then'),
  },
  {
    name: 'a line is drawn in the order of joining',
    statement: change(
      /ORDER BY sha256\(\$2::bytea[\s\S]*?\) AS place/,
      'ORDER BY $2::bytea IS NULL, index) AS place',
    ),
  },
];
