import type { AppModel } from './model.ts';

/** What constraints of `deploy.placement` are held against: this machine as the one node of a cluster. */
export interface Node {
  id: string;
  hostname: string;
  /** As images name it: amd64, arm64 ... */
  arch: string;
  labels: Readonly<Record<string, string>>;
}

export interface PlacementFault {
  service: string;
  /** Of the constraint in `deploy.placement.constraints`. */
  index: number;
  message: string;
}

/** Each constraint that is not true of this machine, with what is; empty when all services may run here. */
export function placementFaults(model: AppModel, node: Node): PlacementFault[] {
  return Object.values(model.services).flatMap(({ name, deploy }) =>
    (deploy?.placement?.constraints ?? []).flatMap((constraint, index) => {
      const [, key = '', operator, wanted = ''] = /^\s*(\S+?)\s*(==|!=)\s*(.+?)\s*$/.exec(constraint) ?? [];
      const found = factOf(key, node);
      const isTrue = (found ?? '').toLowerCase() === wanted.toLowerCase();
      if (isTrue === (operator === '==')) return [];
      const here = found === undefined ? `no ${key}` : `${key} '${found}'`;
      const message = `the service ${name} is to run where ${constraint.trim()}, but this machine, the only one, has ${here}`;
      return { service: name, index, message };
    }),
  );
}

/** Processors by the name that the kernel gives them, as Swarm normalizes them too. */
const aliases: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' };

function factOf(key: string, node: Node): string | undefined {
  const label = /^(?:node|engine)\.labels\.(.+)$/.exec(key)?.[1];
  if (label !== undefined) return node.labels[label];
  const facts: Readonly<Record<string, string>> = {
    'node.id': node.id,
    'node.hostname': node.hostname,
    'node.role': 'manager',
    'node.platform.os': 'linux',
    'node.platform.arch': aliases[node.arch] ?? node.arch,
  };
  return facts[key];
}
