import type { Container } from '#domain/container/container.ts';
import { matchesName } from '#domain/filter/name.ts';
import { invalid, notFound } from '#base/errors.ts';
import { own } from '#base/own.ts';

/** The keys that `docker ps --filter` knows. */
export const containerFilters = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
] as const;

export interface FilterContext {
  /** The container of a name or id, for `before` and `since`. */
  find(ref: string): Container | undefined;
  /** Ids of the image that a name means and of those built upon it, for `ancestor`. */
  descendants(image: string): string[];
}

type Wanted = ReadonlyMap<string, readonly string[]>;
type Check = (container: Container, value: string, context: FilterContext) => boolean;

const statuses = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
const healths = ['none', 'starting', 'healthy', 'unhealthy'];

// Values of one key are alternatives; different keys must all hold (moby, daemon/list.go).
const checks: Readonly<Record<string, Check>> = {
  id: (container, value) => container.id.startsWith(value),
  // Docker's clients may write names with the slash that the API shows.
  name: ({ name }, value) => matchesName(name, value) || matchesName(`/${name}`, value),
  status: (container, value) => container.state.status === value,
  exited: (container, value) =>
    container.state.status === 'exited' && container.state.exitCode === Number(value),
  health: (container, value) => (container.state.health?.status ?? 'none') === value,
  network: (container, value) =>
    container.endpoints.some(
      ({ networkName, networkId }) => networkName === value || networkId.startsWith(value),
    ),
  volume: (container, value) =>
    container.mounts.some(({ name, destination }) => name === value || destination === value),
  ancestor: (container, value, context) => context.descendants(value).includes(container.imageId),
  publish: (container, value) =>
    container.ports.some((port) => inRange(value, port.hostPort, port.container.split('/')[1])),
  expose: (container, value) =>
    Object.keys(container.config.ExposedPorts ?? {}).some((port) => {
      const [number, protocol] = port.split('/');
      return inRange(value, Number(number), protocol);
    }),
  before: (container, value, context) => container.created < reference(value, context).created,
  since: (container, value, context) => container.created > reference(value, context).created,
  'is-task': (_, value) => ['false', 'f', '0'].includes(value.toLowerCase()),
  isolation: (_, value) => value === 'default' || value === '',
};

/** @throws invalid `filter-invalid` for a value that no container can have */
export function checkFilterValues(wanted: Wanted): void {
  checkWord('status', 'state', statuses, wanted);
  checkWord('health', 'health', healths, wanted);
  for (const value of wanted.get('exited') ?? [])
    if (!/^-?\d+$/.test(value))
      throw invalid('filter-invalid', `invalid filter 'exited=${value}': not a number`);
  for (const value of wanted.get('is-task') ?? [])
    if (!['1', 't', 'true', '0', 'f', 'false'].includes(value.toLowerCase()))
      throw invalid('filter-invalid', `invalid filter 'is-task=[${value}]'`);
  for (const key of ['publish', 'expose'])
    for (const value of wanted.get(key) ?? [])
      if (!/^\d+(-\d+)?(\/\w+)?$/.test(value))
        throw invalid('filter-invalid', `invalid filter '${key}=${value}': not a port or range of ports`);
}

function checkWord(key: string, what: string, known: string[], wanted: Wanted): void {
  for (const value of wanted.get(key) ?? [])
    if (!known.includes(value))
      throw invalid(
        'filter-invalid',
        `invalid filter '${key}=${value}': invalid value for ${what} (${value}): must be one of ${known.join(', ')}`,
      );
}

/** Filters that ask for containers which do not run, so that a list shows these too. */
export function includesStopped(wanted: Wanted): boolean {
  return ['status', 'exited', 'before', 'since'].some((key) => wanted.has(key));
}

/** @throws not-found when `before` or `since` name no container */
export function matchesFilters(container: Container, wanted: Wanted, context: FilterContext): boolean {
  for (const [key, values] of wanted) {
    const check = own(checks, key);
    if (check !== undefined && !values.some((value) => check(container, value, context))) return false;
  }
  return true;
}

function inRange(value: string, port: number, protocol = 'tcp'): boolean {
  const [numbers = '', wantedProtocol = 'tcp'] = value.split('/');
  const [low = '', high = low] = numbers.split('-');
  return wantedProtocol === protocol && port >= Number(low) && port <= Number(high);
}

function reference(ref: string, context: FilterContext): Container {
  const found = context.find(ref);
  if (found === undefined) throw notFound('container-missing', `No such container: ${ref}`);
  return found;
}
