/** How two values of a key are merged; undefined: as their kind has it. */
export type MergeKind = 'replace' | 'pairs' | 'names' | 'sequence' | 'build' | 'logging' | 'pools';

const service: Readonly<Record<string, MergeKind | undefined>> = {
  command: 'replace',
  entrypoint: 'replace',
  'healthcheck.test': 'replace',
  annotations: 'pairs',
  environment: 'pairs',
  labels: 'pairs',
  sysctls: 'pairs',
  'build.args': 'pairs',
  'build.labels': 'pairs',
  'build.additional_contexts': 'pairs',
  'deploy.labels': 'pairs',
  depends_on: 'names',
  networks: 'names',
  models: 'names',
  dns: 'sequence',
  dns_opt: 'sequence',
  dns_search: 'sequence',
  env_file: 'sequence',
  label_file: 'sequence',
  extra_hosts: 'sequence',
  tmpfs: 'sequence',
  'build.extra_hosts': 'sequence',
  build: 'build',
  logging: 'logging',
};

const labelled = new Set(['networks', 'volumes', 'secrets', 'configs']);

/** The rule for a path such as `services`, `web`, `environment`. */
export function mergeKind([section = '', , ...keys]: readonly string[]): MergeKind | undefined {
  const key = keys.join('.');
  if (section === 'services') return Object.hasOwn(service, key) ? service[key] : undefined;
  if (section === 'networks' && key === 'ipam.config') return 'pools';
  return key === 'labels' && labelled.has(section) ? 'pairs' : undefined;
}
