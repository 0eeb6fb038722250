import { invalid } from '#base/errors.ts';

// The Container Device Interface (CNCF CDI specification 0.8): vendors describe in files what a container needs for a
// device. Read from JSON or YAML that the host's folders hold.

export interface CdiHook {
  /** One of `hookNames`. */
  hookName: string;
  path: string;
  args?: string[];
  env?: string[];
  /** Seconds. */
  timeout?: number;
}

/** What is to change in a container; all paths are absolute. */
export interface CdiEdits {
  env: string[];
  deviceNodes: { path: string; hostPath: string; permissions: string }[];
  mounts: { hostPath: string; containerPath: string; options: string[] }[];
  hooks: CdiHook[];
}

/** One file, parsed but not checked. */
export interface CdiFile {
  path: string;
  value: unknown;
}

type Fields = Record<string, unknown>;

/** Those that the runtime calls before the main process: the daemon itself starts and removes what it made. */
const hookNames = ['prestart', 'createRuntime', 'createContainer', 'startContainer'];

const defaultMountOptions = ['rbind', 'rprivate', 'ro', 'nosuid', 'nodev'];

/**
 * The edits of devices named `vendor.com/class=name`: those of their files, then their own.
 * @throws invalid `cdi-unresolvable` in Docker's words; `cdi-spec-invalid` for an edit that cannot be made
 */
export function cdiEdits(names: readonly string[], files: readonly CdiFile[]): CdiEdits {
  const found = names.map((name) => ({ name, place: placeOf(name, files) }));
  const missing = found.filter(({ place }) => place === undefined).map(({ name }) => name);
  if (missing.length > 0)
    throw invalid(
      'cdi-unresolvable',
      `could not inject CDI devices: unresolvable CDI devices ${missing.join(', ')}`,
      { hint: 'a file in /etc/cdi or /var/run/cdi must describe them' },
    );
  const common = new Map(
    found.flatMap(({ place }) => (place ? [[place.file.path, place.spec] as const] : [])),
  );
  const parts = [
    ...[...common].map(([path, spec]) => readEdits(spec['containerEdits'], path)),
    ...found.flatMap(({ place }) =>
      place ? [readEdits(place.device['containerEdits'], place.file.path)] : [],
    ),
  ];
  return {
    env: parts.flatMap(({ env }) => env),
    deviceNodes: parts.flatMap(({ deviceNodes }) => deviceNodes),
    mounts: parts.flatMap(({ mounts }) => mounts),
    hooks: parts.flatMap(({ hooks }) => hooks),
  };
}

function placeOf(
  name: string,
  files: readonly CdiFile[],
): { file: CdiFile; spec: Fields; device: Fields } | undefined {
  const [kind, device] = name.split('=');
  // Later folders go before earlier ones.
  for (const file of files.toReversed()) {
    const spec = fieldsOf(file.value);
    if (spec['kind'] !== kind) continue;
    const found = listOf(spec['devices']).find((each) => each['name'] === device);
    if (found !== undefined) return { file, spec, device: found };
  }
  return undefined;
}

function readEdits(value: unknown, file: string): CdiEdits {
  const edits = fieldsOf(value);
  const known = ['env', 'deviceNodes', 'mounts', 'hooks'];
  const odd = Object.keys(edits).find((key) => !known.includes(key));
  if (odd !== undefined) throw wrong(file, `containerEdits.${odd} is not supported`);
  const text = (fields: Fields, key: string): string => {
    const found = fields[key];
    if (typeof found === 'string' && found !== '') return found;
    throw wrong(file, `'${key}' is missing`);
  };
  return {
    env: textsOf(edits['env']),
    deviceNodes: listOf(edits['deviceNodes']).map((node) => {
      const path = text(node, 'path');
      return {
        path,
        hostPath: node['hostPath'] === undefined ? path : text(node, 'hostPath'),
        permissions: node['permissions'] === undefined ? 'rwm' : text(node, 'permissions'),
      };
    }),
    mounts: listOf(edits['mounts']).map((mount) => ({
      hostPath: text(mount, 'hostPath'),
      containerPath: text(mount, 'containerPath'),
      options: mount['options'] === undefined ? defaultMountOptions : textsOf(mount['options']),
    })),
    hooks: listOf(edits['hooks']).map((hook) => ({
      hookName: hookName(text(hook, 'hookName'), file),
      path: text(hook, 'path'),
      ...(hook['args'] === undefined ? {} : { args: textsOf(hook['args']) }),
      ...(hook['env'] === undefined ? {} : { env: textsOf(hook['env']) }),
      ...(typeof hook['timeout'] === 'number' ? { timeout: hook['timeout'] } : {}),
    })),
  };
}

function hookName(name: string, file: string): string {
  if (hookNames.includes(name)) return name;
  throw wrong(file, `the hook '${name}' is not supported; those that are: ${hookNames.join(', ')}`);
}

function wrong(file: string, what: string): Error {
  return invalid('cdi-spec-invalid', `could not inject CDI devices: ${file}: ${what}`);
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}
