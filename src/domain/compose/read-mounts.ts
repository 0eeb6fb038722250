import type { Mount } from '#domain/app/model.ts';
import { normalize } from './paths.ts';
import { compact, type Reader } from './reader.ts';

/** Turns a path of the file into an absolute one: relative to the project, `~` is the caller's home. */
export type Resolve = (path: string, at: Reader) => string;

const modes = /^(?:ro|rw|z|Z|nocopy|copy|cached|delegated|consistent|r?shared|r?private|r?slave)$/;

/** `volumes` of a service, short (SOURCE:TARGET[:MODE]) and long. Sources of type volume are keys of the app. */
export function readMounts(volumes: Reader, resolve: Resolve): Mount[] {
  return volumes
    .items()
    .flatMap((item) => (item.tree?.kind === 'map' ? readLong(item, resolve) : readShort(item, resolve)));
}

function readShort(item: Reader, resolve: Resolve): Mount[] {
  const text = item.text() ?? '';
  const parts = text.split(':');
  const [source = '', target = '', mode = ''] = parts.length === 1 ? ['', text] : parts;
  const flags = mode === '' ? [] : mode.split(',');
  const unknown = flags.find((flag) => !modes.test(flag));
  if (parts.length > 3 || target === '' || (parts.length > 1 && source === '') || unknown !== undefined) {
    item.complain(
      'compose-invalid-volume',
      `'${text}' is not a volume`,
      'write SOURCE:TARGET[:ro|rw], or TARGET alone',
    );
    return [];
  }
  if (!checkTarget(item, target)) return [];
  const readOnly = flags.includes('ro');
  if (/^[./~]/.test(source)) {
    const propagation = flags.find((flag) => /shared|private|slave/.test(flag));
    const bind = propagation === undefined ? { create: true } : { create: true, propagation };
    return [{ type: 'bind', source: resolve(source, item), target: normalize(target), readOnly, bind }];
  }
  const volume = { noCopy: flags.includes('nocopy'), labels: {} };
  return [{ type: 'volume', source, target: normalize(target), readOnly, volume }];
}

const types = ['bind', 'volume', 'tmpfs', 'image'] as const;

function readLong(item: Reader, resolve: Resolve): Mount[] {
  const type = item.at('type').oneOf(types);
  if (type === undefined) return [];
  const source = item.at('source').text() ?? '';
  const target = item.at('target').text();
  if (target === undefined) item.complain('compose-missing-key', "the key 'target' is missing");
  if ((type === 'bind' || type === 'image') && source === '')
    item.complain('compose-missing-key', "the key 'source' is missing");
  if (target === undefined || !checkTarget(item.at('target'), target)) return [];
  const readOnly = item.at('read_only').boolean() ?? false;
  const base = { target: normalize(target), readOnly };
  if (type === 'bind')
    return [{ ...base, type, source: resolve(source, item.at('source')), bind: readBind(item.at('bind')) }];
  return [{ ...base, type, source, ...readOptions(type, item) }];
}

function readOptions(
  type: 'volume' | 'tmpfs' | 'image',
  item: Reader,
): Pick<Mount, 'volume' | 'tmpfs' | 'image'> {
  if (type === 'volume') return { volume: readVolume(item.at('volume')) };
  if (type === 'tmpfs') return { tmpfs: readTmpfs(item.at('tmpfs')) };
  const subpath = item.at('image').at('subpath').text();
  return subpath === undefined ? {} : { image: { subpath } };
}

function readTmpfs(tmpfs: Reader): NonNullable<Mount['tmpfs']> {
  return compact<NonNullable<Mount['tmpfs']>>({
    size: tmpfs.at('size').bytes(),
    mode: tmpfs.at('mode').mode(),
  });
}

function readBind(bind: Reader): NonNullable<Mount['bind']> {
  return compact<NonNullable<Mount['bind']>>({
    create: bind.at('create_host_path').boolean() ?? true,
    propagation: bind.at('propagation').text(),
    recursive: bind.at('recursive').text(),
  });
}

function readVolume(volume: Reader): NonNullable<Mount['volume']> {
  return compact<NonNullable<Mount['volume']>>({
    noCopy: volume.at('nocopy').boolean() ?? false,
    subpath: volume.at('subpath').text(),
    labels: volume.at('labels').record(),
  });
}

function checkTarget(item: Reader, target: string): boolean {
  if (target.startsWith('/')) return true;
  item.complain(
    'compose-invalid-volume',
    `the place '${target}' inside the container is not an absolute path`,
  );
  return false;
}
