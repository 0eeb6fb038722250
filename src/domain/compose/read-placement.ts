import type { Placement } from '#domain/app/deploy.ts';
import { compact, Reader } from './reader.ts';
import type { MapTree } from './tree.ts';

/** What this machine is, seen as a node of a cluster of one. */
const known: Readonly<Record<string, string | undefined>> = {
  'node.role': 'manager',
  'node.platform.os': 'linux',
};

const keys = /^(?:node\.(?:id|hostname|role|platform\.(?:os|arch)|labels\..+)|engine\.labels\..+)$/;

/**
 * `deploy.placement`: everything runs on this machine, so what cannot be true of any is an error here; what depends on this
 * one is judged by `domain/app/placement.ts`.
 */
export function readPlacement(placement: Reader, replicas: number): Placement | undefined {
  if (!placement.present) return undefined;
  const most = placement.at('max_replicas_per_node');
  const limit = most.integer();
  if (limit !== undefined && limit > 0 && replicas > limit)
    most.complain(
      'compose-impossible-placement',
      `at most ${limit} of the ${replicas} replicas may run on one machine, and this is the only one`,
    );
  for (const constraint of placement.at('constraints').items()) checkConstraint(constraint);
  return compact<Placement>({
    constraints: placement.at('constraints').texts(),
    spread: placement
      .at('preferences')
      .items()
      .flatMap((one) => one.at('spread').text() ?? []),
    maxReplicasPerNode: limit,
  });
}

function checkConstraint(constraint: Reader): void {
  const text = constraint.text() ?? '';
  const [, key = '', operator, value = ''] = /^\s*(\S+?)\s*(==|!=)\s*(.+?)\s*$/.exec(text) ?? [];
  if (operator === undefined || !keys.test(key)) {
    constraint.complain(
      'compose-invalid-value',
      `'${text}' is not a constraint`,
      'write KEY==VALUE or KEY!=VALUE with node.hostname, node.role, node.platform.os, node.labels.NAME ...',
    );
    return;
  }
  const mine = known[key];
  if (mine !== undefined && (mine === value) !== (operator === '=='))
    constraint.complain(
      'compose-impossible-placement',
      `'${text}' is true of no machine: this one, the only one, has ${key} ${mine}`,
    );
}

/** FILE:LINE of a constraint of a service, by its index. */
export function placeOfConstraint(document: MapTree, service: string, index: number): string {
  const deploy = new Reader(document, [], []).at('services').at(service).at('deploy');
  const constraints = deploy.at('placement').at('constraints');
  const { file, line } = (constraints.items()[index] ?? constraints).place;
  return `${file}:${line}`;
}
