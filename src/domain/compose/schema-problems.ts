import { Ajv, type ErrorObject } from 'ajv';
import { nearest } from '#base/nearest.ts';
import { problem, type Place, type Problem } from './problem.ts';
import { composeSchema } from './schema.ts';
import { find, formatPath, toPlain, type Tree } from './tree.ts';

/** Checks a document against the Compose specification's schema. Build one and keep it: compiling takes 50 ms. */
export type SchemaCheck = (tree: Tree) => Problem[];

export function schemaCheck(): SchemaCheck {
  // The schema names a newer dialect; what is left of it in schema.ts is draft 7, ajv's default.
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    strict: false,
    validateSchema: false,
    validateFormats: false,
  });
  const validate = ajv.compile(composeSchema);
  return (tree) =>
    validate(toPlain(tree)) ? [] : meaningful(validate.errors ?? []).map((one) => toProblem(one, tree));
}

/**
 * A failed `oneOf` comes with the errors of all its branches. Kept are those of the branch that fits the
 * value's type; when none fits, one error that lists the types which would.
 */
function meaningful(errors: readonly ErrorObject[]): ErrorObject[] {
  const kept = errors.filter((error) => error.keyword !== 'oneOf' && error.keyword !== 'patternProperties');
  const chosen: ErrorObject[] = [];
  for (const error of kept) {
    if (error.keyword !== 'type') chosen.push(error);
    else if (!isOfRejectedBranch(error, kept, errors)) chosen.push(joined(error, kept));
  }
  return chosen;
}

function isOfRejectedBranch(
  error: ErrorObject,
  kept: readonly ErrorObject[],
  all: readonly ErrorObject[],
): boolean {
  const alternatives = all.some((one) => one.keyword === 'oneOf' && one.instancePath === error.instancePath);
  if (!alternatives) return false;
  return kept.some(
    (one) =>
      one !== error &&
      (one.instancePath.startsWith(`${error.instancePath}/`) ||
        (one.instancePath === error.instancePath && one.keyword !== 'type')),
  );
}

function joined(error: ErrorObject, kept: readonly ErrorObject[]): ErrorObject {
  const types = kept
    .filter((one) => one.keyword === 'type' && one.instancePath === error.instancePath)
    .flatMap((one) => typesOf(one));
  return { ...error, params: { ...error.params, type: [...new Set(types)] } };
}

function typesOf(error: ErrorObject): string[] {
  const type: unknown = error.params['type'];
  if (Array.isArray(type)) return type.map(String);
  return typeof type === 'string' ? [type] : [];
}

function toProblem(error: ErrorObject, tree: Tree): Problem {
  const path = pathOf(error.instancePath, tree);
  const here = find(tree, path) ?? tree;
  const place = { path: formatPath(path), at: here.at };
  if (error.keyword === 'additionalProperties') return unknownKey(error, path, here);
  const words = wording[error.keyword];
  const message = words === undefined ? `the value ${error.message ?? 'is not allowed'}` : words(error, here);
  return problem('error', codes[error.keyword] ?? 'compose-invalid-value', place, message);
}

const codes: Record<string, string | undefined> = {
  type: 'compose-wrong-type',
  required: 'compose-missing-key',
  uniqueItems: 'compose-repeated-item',
};

const wording: Record<string, ((error: ErrorObject, here: Tree) => string) | undefined> = {
  type: (error, here) =>
    `found ${describe(here)}, required is ${choice(typesOf(error).map((type) => nouns[type] ?? type))}`,
  required: (error) => `the key '${text(error.params['missingProperty'])}' is missing`,
  enum: (error, here) => `found ${describe(here)}, required is ${choice(allowed(error))}`,
  pattern: (error, here) => `found ${describe(here)}, which does not match ${text(error.params['pattern'])}`,
  minimum: (error, here) => `found ${describe(here)}, required is at least ${text(error.params['limit'])}`,
  maximum: (error, here) => `found ${describe(here)}, required is at most ${text(error.params['limit'])}`,
  uniqueItems: (error) =>
    `items ${text(error.params['j'])} and ${text(error.params['i'])} (counted from 0) are the same`,
};

const nouns: Record<string, string | undefined> = {
  object: 'a mapping',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  null: 'nothing',
};

function unknownKey(error: ErrorObject, path: (string | number)[], here: Tree): Problem {
  const key = text(error.params['additionalProperty']);
  const at = keyPosition(here, key);
  const known = Object.keys(propertiesOf(error.parentSchema));
  const near = nearest(key, known);
  const place = { path: formatPath([...path, key]), at };
  if (known.length === 0 && !path.includes('x-berth'))
    return problem(
      'error',
      'compose-bad-name',
      place,
      `'${key}' is not allowed as a name here`,
      'use letters, digits, dot, dash and underscore',
    );
  const others = path.includes('x-berth')
    ? `the keys here are ${known.sort().join(', ')}`
    : 'keys of your own begin with x-';
  const hint = near === undefined ? others : `did you mean '${near}'?`;
  return problem('error', 'compose-unknown-key', place, `the key '${key}' is unknown`, hint);
}

function propertiesOf(value: unknown): object {
  if (typeof value !== 'object' || value === null || !('properties' in value)) return {};
  return typeof value.properties === 'object' && value.properties !== null ? value.properties : {};
}

function keyPosition(tree: Tree, key: string): Place {
  return (tree.kind === 'map' ? tree.entries.get(key)?.keyAt : undefined) ?? tree.at;
}

/** A JSON pointer as keys, with numbers where the tree has a list. */
function pathOf(pointer: string, tree: Tree): (string | number)[] {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  let here: Tree | undefined = tree;
  return steps.map((step) => {
    const typed: string | number = here?.kind === 'list' ? Number(step) : step;
    here = here === undefined ? undefined : find(here, [typed]);
    return typed;
  });
}

function describe(tree: Tree): string {
  if (tree.kind !== 'scalar') return tree.kind === 'list' ? 'a list' : 'a mapping';
  if (tree.value === null) return 'nothing';
  if (typeof tree.value === 'string') return `the text '${tree.value}'`;
  return typeof tree.value === 'number' ? `the number ${tree.value}` : String(tree.value);
}

function allowed(error: ErrorObject): string[] {
  const values: unknown = error.params['allowedValues'];
  return Array.isArray(values) ? values.map((value) => `'${String(value)}'`) : [];
}

function choice(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
