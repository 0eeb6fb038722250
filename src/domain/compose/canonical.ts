import { stringify } from 'yaml';
import type { AppModel } from '#domain/app/model.ts';
import { canonicalService, sorted, type Plain, type PlainEntry } from './canonical-service.ts';
import { Reader } from './reader.ts';
import { toPlain, type MapTree } from './tree.ts';

// The whole meaning of a project as one compose file: everything included, extended, merged and replaced, short forms
// written out, paths absolute. As `docker compose config` prints it. Values of secrets are not in it: a secret from
// the environment is told by the variable's name.

/** The document as YAML that means the same when it is read again. */
export function canonicalYaml(document: MapTree, model: AppModel): string {
  return stringify(canonicalDocument(document, model), { lineWidth: 0, version: '1.1' });
}

/** Dollars are doubled, since all variables are in place. */
export function canonicalDocument(document: MapTree, model: AppModel): Plain {
  return plainRecord(escaped(writtenOut(document, model)));
}

function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(plainRecord(value)).map(([key, one]) => [key, escaped(one)]));
}

function writtenOut(document: MapTree, model: AppModel): Plain {
  const root = new Reader(document, [], []);
  const services = Object.values(model.services).map((service): PlainEntry => [
    service.name,
    canonicalService(root.at('services').at(service.name), service),
  ]);
  const extensions = [...document.entries]
    .filter(([key]) => key.startsWith('x-'))
    .map(([key, { value }]): PlainEntry => [key, toPlain(value)]);
  const sections = {
    networks: canonicalNetworks(root, model),
    volumes: section(root, 'volumes', usedVolumes(model), (key) => model.volumes[key]?.name),
    secrets: files(root, 'secrets', model.secrets, usedBy(model, 'secrets')),
    configs: files(root, 'configs', model.configs, usedBy(model, 'configs')),
  };
  const filled = Object.entries(sections).filter(([, value]) => Object.keys(value).length > 0);
  return {
    name: model.name,
    services: sorted(services),
    ...Object.fromEntries(filled),
    ...sorted(extensions),
  };
}

function usedVolumes(model: AppModel): Set<string> {
  const mounts = Object.values(model.services).flatMap((service) => service.mounts);
  return new Set(mounts.filter((one) => one.type === 'volume').map((one) => one.source));
}

function usedBy(model: AppModel, kind: 'secrets' | 'configs'): Set<string> {
  const services = Object.values(model.services);
  const built = services.flatMap((one) => (kind === 'secrets' ? (one.build?.more?.secrets ?? []) : []));
  return new Set([...services.flatMap((one) => one[kind]), ...built].map((one) => one.source));
}

/** The entries that are used, with their names in the engine. */
function section(
  root: Reader,
  key: string,
  used: ReadonlySet<string>,
  nameOf: (key: string) => string | undefined,
): Plain {
  const entries = root
    .at(key)
    .entries()
    .filter(([name]) => used.has(name))
    .map(([name, one]): PlainEntry => [name, { name: nameOf(name), ...settings(one) }]);
  return sorted(entries);
}

/** As they stand, with `labels` as a mapping and `external` as true. */
function settings(one: Reader): Plain {
  const plain = one.tree?.kind === 'map' ? toPlain(one.tree) : {};
  const known: Plain = typeof plain === 'object' && plain !== null ? { ...plain } : {};
  delete known['name'];
  if (one.at('labels').present) known['labels'] = one.at('labels').record();
  if (one.at('driver_opts').present) known['driver_opts'] = one.at('driver_opts').record();
  const external = one.at('external');
  if (external.present) {
    if (external.tree?.kind === 'map' || external.boolean() === true) known['external'] = true;
    else delete known['external'];
  }
  return known;
}

function canonicalNetworks(root: Reader, model: AppModel): Plain {
  const networks = root.at('networks');
  const entries = Object.entries(model.networks).map(([key, { name }]): PlainEntry => [
    key,
    { name, ...settings(networks.at(key)) },
  ]);
  return sorted(entries);
}

function files(
  root: Reader,
  key: string,
  defined: AppModel['secrets'] | AppModel['configs'],
  used: ReadonlySet<string>,
): Plain {
  const named = section(root, key, used, (name) => defined[name]?.name);
  const entries = Object.entries(named).map(([name, one]): PlainEntry => {
    const from = defined[name]?.from;
    return [name, from?.kind === 'file' ? { ...plainRecord(one), file: from.path } : one];
  });
  return sorted(entries);
}

function plainRecord(value: unknown): Plain {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
