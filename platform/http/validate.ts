/**
 * JSON Schemas compiled once, at start. The compiled check is all that a good request pays for;
 * a bad one is checked again, slowly, for an answer that names every field in the way.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ErrorObject, Options, ValidateFunction } from 'ajv/dist/2020.js';
import { formats } from './formats.ts';
import { problem } from './problems.ts';
import type { ProblemInput } from './problems.ts';
import type { JsonSchema } from './route.ts';
import { describe, isUnknownField, paramOf } from './validation-text.ts';
import type { Place } from './validation-text.ts';
import { prepared } from './schema-walk.ts';

/** Checks in place: fills defaults in. Null when it is valid. */
export type Validator = (data: unknown) => ProblemInput | null;

const errorsShownMax = 10;
const warmUpPauseMs = 20;

const common: Options = {
  strict: true,
  allowUnionTypes: true,
  useDefaults: true,
  formats,
};

export class Validators {
  readonly #waiting: (() => unknown)[] = [];
  readonly #fast = annotated(new Ajv2020(common));
  readonly #slow = annotated(new Ajv2020({ ...common, allErrors: true, verbose: true }));

  body(schema: JsonSchema): Validator {
    return this.#compile(schema, 'body');
  }

  /** Its values have been read by their kinds: query.ts. */
  query(schema: JsonSchema): Validator {
    return this.#compile(schema, 'query');
  }

  /** Path parameters are checked as they came, as text: their types must be `string`. */
  params(schema: JsonSchema): Validator {
    return this.#compile(schema, 'path');
  }

  #compile(schema: JsonSchema, place: Place): Validator {
    const full = prepared(schema);
    const check = this.#fast.compile(full);
    let compiled: ValidateFunction | undefined;
    const explain = (): ValidateFunction => (compiled ??= this.#slow.compile(full));
    this.#waiting.push(explain);
    return (data) => {
      if (check(data)) return null;
      const failed = explain()(data) ? check : explain();
      return toProblem(failed.errors ?? [], place);
    };
  }

  /**
   * Compiles what explains errors, piece by piece, so that the first bad request of a route does
   * not make the others wait for some milliseconds.
   */
  warmUp(): void {
    const next = this.#waiting.pop();
    if (next === undefined) return;
    next();
    setTimeout(() => this.warmUp(), warmUpPauseMs).unref();
  }
}

/** Annotations that say something to people, not to the validator. */
function annotated(ajv: Ajv2020): Ajv2020 {
  return ajv.addVocabulary(['example', 'x-unknown']);
}

function toProblem(errors: readonly ErrorObject[], place: Place): ProblemInput {
  const told = errors.filter((error) => !isFrame(error));
  const shown = told.length > 0 ? told : errors;
  const branches = errors.some(isFrame);
  const unknown = branches ? undefined : shown.find(isUnknownField);
  const first = unknown ?? (branches ? deepest(shown) : shown[0]);
  if (first === undefined) return problem('invalid_request', `the ${place} is not valid`);
  const code = isUnknownField(first) ? 'unknown_field' : 'invalid_request';
  const param = paramOf(first);
  const list = shown.slice(0, errorsShownMax).map((error) => ({
    param: paramOf(error),
    detail: describe(error, place),
  }));
  return problem(code, describe(first, place), {
    ...(param === '' ? {} : { param }),
    ...(list.length > 1 ? { errors: list } : {}),
  });
}

/** Keywords that only say "one of the below failed". */
function isFrame({ keyword }: ErrorObject): boolean {
  return keyword === 'anyOf' || keyword === 'oneOf' || keyword === 'if' || keyword === 'not';
}

function deepest(errors: readonly ErrorObject[]): ErrorObject | undefined {
  let best = errors[0];
  for (const error of errors) {
    if (error.instancePath.length > (best?.instancePath.length ?? -1)) best = error;
  }
  return best;
}
