import { invalid, notFound } from '#base/errors.ts';
import { fieldsOf } from './build-choices.ts';
import { fileContent } from './given-files.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The values of `--secret id=NAME,src=FILE` and `id=NAME,env=NAME`, in base64, by their ids.
 * @throws invalid `secret-invalid`, `file-unreadable`; not-found `secret-missing`
 */
export async function givenSecrets(
  given: readonly string[],
  environment: Environment,
): Promise<Record<string, string>> {
  return Object.fromEntries(await Promise.all(given.map((each) => secretOf(each, environment))));
}

async function secretOf(given: string, environment: Environment): Promise<[string, string]> {
  const fields = fieldsOf(given, 'id');
  const id = fields.get('id') ?? '';
  if (id === '') throw invalid('secret-invalid', `--secret '${given}' lacks 'id'`);
  const variable = fields.get('env');
  const file = fields.get('src') ?? fields.get('source');
  if (variable === undefined && file !== undefined) return [id, (await fileContent(file)).toString('base64')];
  const value = environment[variable ?? id];
  if (value === undefined)
    throw notFound('secret-missing', `--secret '${given}': the variable ${variable ?? id} is not set`);
  return [id, Buffer.from(value).toString('base64')];
}
