import { resolve } from 'node:path';
import { invalid } from '#base/errors.ts';
import type { BuildCacheSource, BuildCacheTarget, BuildOutputChoice, BuildPlace } from '#api/types/builds.ts';

/** `type=local,dest=out` as its fields. A text without `=` is the value of `alone`. @throws invalid `option-invalid` */
export function fieldsOf(text: string, alone: string): Map<string, string> {
  if (!text.includes('=')) return new Map([[alone, text]]);
  return new Map(
    text.split(',').map((field) => {
      const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(field) ?? [];
      if (name === '')
        throw invalid('option-invalid', `'${text}': the part '${field}' is not NAME=VALUE`, {
          hint: 'write type=TYPE,NAME=VALUE',
        });
      return [name, value] as const;
    }),
  );
}

export interface ChosenOutput {
  choice: BuildOutputChoice;
  /** Where an archive goes: a file, or `-` for standard output. */
  dest?: string;
}

/** @param owner of files in folders; undefined keeps those of the image @throws invalid `output-invalid` */
export function outputOf(text: string, owner: { uid: number; gid: number } | undefined): ChosenOutput {
  const fields = fieldsOf(text, 'dest');
  const dest = fields.get('dest');
  const type = fields.get('type') ?? (dest === '-' ? 'tar' : 'local');
  refuseOthers(text, fields, ['type', 'dest', 'name', 'push']);
  const names = (fields.get('name') ?? '').split(',').filter((name) => name !== '');
  if (type === 'image') return { choice: { type, names, push: fields.get('push') === 'true' } };
  if (!['oci', 'docker', 'tar', 'local'].includes(type)) throw outputUnknown(text, type);
  if (dest === undefined || dest === '')
    throw invalid('output-invalid', `--output '${text}' lacks 'dest'`, {
      hint: `--output type=${type},dest=PATH`,
    });
  switch (type) {
    case 'oci':
    case 'docker':
      return { choice: { type, names }, dest };
    case 'tar':
      return { choice: { type }, dest };
    case 'local':
      return { choice: { type, folder: resolve(dest), ...owner }, dest };
    default:
      throw outputUnknown(text, type);
  }
}

function outputUnknown(text: string, type: string): Error {
  return invalid('output-invalid', `--output '${text}': the type '${type}' is not offered`, {
    hint: 'image, oci, docker, tar and local are',
  });
}

/** @throws invalid `cache-invalid` */
export function cacheSourceOf(text: string): BuildCacheSource {
  const fields = fieldsOf(text, 'ref');
  refuseOthers(text, fields, ['type', 'ref', 'src']);
  const type = fields.get('type') ?? 'registry';
  if (type === 'registry') return { type, reference: required(text, fields, 'ref') };
  if (type === 'local') return { type, folder: resolve(required(text, fields, 'src')) };
  throw invalid('cache-invalid', `--cache-from '${text}': the type '${type}' is not offered`, {
    hint: 'registry and local are',
  });
}

/** @throws invalid `cache-invalid` */
export function cacheTargetOf(text: string): BuildCacheTarget {
  const fields = fieldsOf(text, 'type');
  refuseOthers(text, fields, ['type', 'ref', 'dest', 'mode']);
  const type = fields.get('type') ?? '';
  const mode = fields.get('mode') === 'max' ? 'max' : 'min';
  if (type === 'inline') return { type };
  if (type === 'registry') return { type, mode, reference: required(text, fields, 'ref') };
  if (type === 'local') return { type, mode, folder: resolve(required(text, fields, 'dest')) };
  throw invalid('cache-invalid', `--cache-to '${text}': the type '${type}' is not offered`, {
    hint: 'inline, registry and local are',
  });
}

/** `NAME=PLACE` of `--build-context`. @throws invalid `option-invalid` */
export function contextOf(text: string): [string, BuildPlace] {
  const [, name = '', place = ''] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === '') throw invalid('option-invalid', `--build-context '${text}' is not NAME=PLACE`);
  const image = /^docker-image:\/\/(.+)$/.exec(place)?.[1];
  if (image !== undefined) return [name, { image }];
  if (isRemote(place)) return [name, { remote: place }];
  return [name, { folder: resolve(place) }];
}

/**
 * `default`, `ID`, `ID=SOCKET` or `ID=KEY[,KEY]` of `--ssh`, as an id with absolute paths.
 * @param socket of the agent of this shell
 * @throws invalid `option-invalid`, `ssh-agent-missing`
 */
export function agentOf(text: string, socket: string): [string, string[]] {
  const [, id = '', paths] = /^([^=,\s]+)(?:=(.+))?$/s.exec(text) ?? [];
  if (id === '')
    throw invalid('option-invalid', `--ssh '${text}' is none of default, ID, ID=SOCKET and ID=KEY[,KEY]`);
  if (paths !== undefined) return [id, paths.split(',').map((path) => resolve(path))];
  if (socket === '')
    throw invalid('ssh-agent-missing', `--ssh ${text}: this shell has no SSH agent`, {
      hint: 'start one (eval $(ssh-agent)), or name a key: --ssh ID=KEY',
    });
  return [id, [socket]];
}

export function isRemote(place: string): boolean {
  return /^(?:https?|git|ssh):\/\/|^git@|^github\.com\//.test(place);
}

function required(text: string, fields: Map<string, string>, name: string): string {
  const value = fields.get(name) ?? '';
  if (value === '') throw invalid('cache-invalid', `'${text}' lacks '${name}'`);
  return value;
}

function refuseOthers(text: string, fields: Map<string, string>, known: readonly string[]): void {
  for (const name of fields.keys())
    if (!known.includes(name))
      throw invalid('option-invalid', `'${text}': '${name}' is not offered`, {
        hint: `known are ${known.join(', ')}`,
      });
}
