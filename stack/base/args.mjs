/**
 * Arguments of the scripts in stack/: flags, whole numbers and words, `--help`, and a refusal of all else.
 */
import { exitCode, StackError } from './errors.mjs';

/**
 * @typedef {object} Option
 * @property {'flag' | 'whole' | 'word'} kind
 * @property {readonly string[]} [words]
 * @property {number} [min]
 * @property {number} [max]
 */

/**
 * Reads `--name`, `--name value` and `--name=value`. With `--help` the usage is printed and the
 * script ends with 0; an unknown or wrong option ends it with 2 by a StackError.
 * @param {{ usage: string, options?: Record<string, Option>, args?: string[] }} spec
 * @returns {Record<string, number | boolean | string | undefined>}
 */
export function readArgs({ usage, options = {}, args = process.argv.slice(2) }) {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`${usage.trim()}\n`);
    process.exit(exitCode.ok);
  }
  /** @type {Record<string, number | boolean | string | undefined>} */
  const values = {};
  for (let index = 0; index < args.length; index += 1) {
    const [name, inline] = split(args[index] ?? '');
    const option = name && Object.hasOwn(options, name) ? options[name] : undefined;
    if (!name || !option) throw refusal(`${args[index]} is not an option of this command.`, usage);
    if (option.kind === 'flag') {
      if (inline !== undefined) throw refusal(`--${name} takes no value.`, usage);
      values[name] = true;
    } else {
      const given = inline ?? args[(index += 1)];
      const read = option.kind === 'word' ? word : wholeNumber;
      values[name] = read(name, given, option, usage);
    }
  }
  return values;
}

/** @param {string} arg @returns {[string | undefined, string | undefined]} */
function split(arg) {
  const match = /^--([a-z-]+)(?:=(.*))?$/.exec(arg);
  return [match?.[1], match?.[2]];
}

/** @param {string} name @param {string | undefined} given @param {Option} option @param {string} usage */
function wholeNumber(name, given, { min = 0, max = Number.MAX_SAFE_INTEGER }, usage) {
  const value = given !== undefined && /^\d{1,15}$/.test(given) ? Number(given) : NaN;
  if (value >= min && value <= max) return value;
  const shown = given === undefined ? 'nothing' : JSON.stringify(given);
  throw refusal(`--${name}: ${shown} is not a whole number between ${min} and ${max}.`, usage);
}

/** @param {string} name @param {string | undefined} given @param {Option} option @param {string} usage */
function word(name, given, { words = [] }, usage) {
  if (given !== undefined && words.includes(given)) return given;
  throw refusal(`--${name}: one of ${words.join(', ')}.`, usage);
}

/** @param {string} message @param {string} usage */
function refusal(message, usage) {
  return new StackError(message, { lines: ['', usage.trim()], code: exitCode.usage });
}
