/**
 * What Redis was asked and has answered, for as long as no write has touched it: the loops ask the same
 * again and again. Scripts tell what they have written (steer.lua).
 */
type Argument = string | Buffer;

const textOf = (arg: Argument | undefined): string =>
  typeof arg === 'string' ? arg : (arg?.toString('latin1') ?? '');

/** Between a hash and its field: that field; after a hash alone: any of its fields. */
const [ofField, anyField] = ['\0', '\u0001'];

interface Answer {
  readonly version: number;
  readonly reply: unknown;
}

export class RedisMemory {
  readonly #versions = new Map<string, number>();
  readonly #answers = new Map<string, Answer>();

  /** Keys, or fields of hashes, were written. */
  changed(names: readonly string[]): void {
    for (const name of names) {
      this.#changed(name);
      const end = name.indexOf(ofField);
      if (end > 0) this.#changed(name.slice(0, end) + anyField);
    }
  }

  forget(): void {
    this.#answers.clear();
  }

  async answer(name: string, args: readonly Argument[], ask: () => Promise<unknown>) {
    const asked = dependsOn(name, args);
    if (asked === null) return ask();
    const key = `${name} ${args.map(textOf).join(' ')}`;
    const version = asked.reduce((sum, one) => sum + (this.#versions.get(one) ?? 0), 0);
    const known = this.#answers.get(key);
    if (known?.version === version) return known.reply;
    const reply = await ask();
    // What was taken is not there a second time.
    if (name !== 'getdel' || reply === null) this.#answers.set(key, { version, reply });
    return reply;
  }

  #changed(name: string): void {
    this.#versions.set(name, (this.#versions.get(name) ?? 0) + 1);
  }
}

/** What an answer is made of; null = it is asked for each time. */
function dependsOn(name: string, args: readonly Argument[]): string[] | null {
  const [key, ...rest] = args.map(textOf);
  if (key === undefined) return null;
  switch (name) {
    case 'get':
    case 'getdel':
    case 'xrange':
      return [key];
    case 'hget':
    case 'hmget':
      return [key, ...rest.map((field) => key + ofField + field)];
    case 'hgetall':
      return [key, key + anyField];
    case 'xread':
      return [rest.at(-2) ?? ''];
    default:
      return null;
  }
}
