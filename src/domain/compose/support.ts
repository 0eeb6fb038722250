import { problem, type Problem } from './problem.ts';
import { formatPath, type Tree } from './tree.ts';

/**
 * What Berth does with a key: `true`, it is honoured; a text, it is not, and this happens instead. A text
 * stands for everything below the key too.
 */
export type Support = true | string;

const keys = (prefix: string, names: string): Record<string, true> =>
  Object.fromEntries(names.split(' ').map((name) => [`${prefix}${name}`, true]));

const build: Record<string, Support> = {
  ...keys(
    'services.*.build',
    ' .context .dockerfile .args .labels .network .no_cache .pull .target .shm_size .tags .dockerfile_inline .extra_hosts .ulimits .ulimits.*.hard .ulimits.*.soft',
  ),
  'services.*.build.entitlements': 'the build runs without extra privileges',
  'services.*.build.ssh': 'the build has no SSH agent',
  'services.*.build.cache_from': "only this machine's build cache is used",
  'services.*.build.cache_to': 'the cache stays on this machine',
  'services.*.build.additional_contexts': 'only the main context is available to COPY',
  'services.*.build.isolation': 'it is for Windows; the build runs in a container',
  'services.*.build.privileged': 'the build runs without extra privileges',
  'services.*.build.secrets': 'the build has no secrets',
  'services.*.build.platforms': "the image is built for this machine's platform only",
};

const deploy: Record<string, Support> = {
  ...keys(
    'services.*.deploy',
    ' .replicas .resources .resources.limits .resources.limits.cpus .resources.limits.memory',
  ),
  ...keys(
    'services.*.deploy',
    '.resources.limits.pids .resources.reservations .resources.reservations.memory',
  ),
  ...keys('services.*.deploy', '.restart_policy .restart_policy.condition .restart_policy.max_attempts'),
  'services.*.deploy.mode': 'replicas run on this one machine as mode replicated says',
  'services.*.deploy.endpoint_mode': 'the name of a service resolves to the addresses of all its replicas',
  'services.*.deploy.labels': 'labels of the service in a swarm are not kept; use labels',
  'services.*.deploy.rollback_config': 'a failed update puts the former containers back at once',
  'services.*.deploy.update_config': 'containers are replaced one after the other, the former stopped first',
  'services.*.deploy.resources.reservations.cpus': 'nothing is reserved; on one machine limits decide',
  'services.*.deploy.resources.reservations.generic_resources': 'nothing is reserved',
  'services.*.deploy.resources.reservations.devices': 'the container gets no such device; use devices',
  'services.*.deploy.restart_policy.delay': 'the delay grows from 100 ms by doubling',
  'services.*.deploy.restart_policy.window': 'a container counts as started after 10 seconds',
  'services.*.deploy.placement': 'everything runs on this machine',
};

const container: Record<string, Support> = {
  ...keys(
    'services.*.',
    'annotations cap_add cap_drop cgroup cgroup_parent command container_name cpu_shares',
  ),
  ...keys('services.*.', 'cpu_quota cpu_period cpu_rt_period cpu_rt_runtime cpus cpuset device_cgroup_rules'),
  ...keys(
    'services.*.',
    'devices devices[].source devices[].target devices[].permissions dns dns_opt dns_search',
  ),
  ...keys('services.*.', 'domainname entrypoint environment env_file env_file[].path env_file[].format'),
  ...keys('services.*.', 'env_file[].required expose extra_hosts group_add healthcheck healthcheck.disable'),
  ...keys('services.*.', 'healthcheck.interval healthcheck.retries healthcheck.test healthcheck.timeout'),
  ...keys(
    'services.*.',
    'healthcheck.start_period healthcheck.start_interval hostname image init ipc labels',
  ),
  ...keys('services.*.', 'logging logging.driver logging.options mac_address mem_limit mem_reservation'),
  ...keys(
    'services.*.',
    'mem_swappiness memswap_limit network_mode oom_kill_disable oom_score_adj pid pids_limit',
  ),
  ...keys('services.*.', 'platform ports ports[].host_ip ports[].target ports[].published ports[].protocol'),
  ...keys(
    'services.*.',
    'privileged profiles pull_policy read_only restart scale security_opt shm_size sysctls',
  ),
  ...keys(
    'services.*.',
    'stdin_open stop_grace_period stop_signal tmpfs tty ulimits ulimits.*.hard ulimits.*.soft',
  ),
  ...keys(
    'services.*.',
    'user uts userns_mode working_dir depends_on depends_on.*.required depends_on.*.condition',
  ),
  ...keys('services.*.', 'depends_on.*.restart'),
  'services.*.attach': 'output is read with berth logs',
  'services.*.blkio_config': 'block I/O is not limited',
  'services.*.cpu_count': 'it is for Windows; use cpus',
  'services.*.cpu_percent': 'it is for Windows; use cpus',
  'services.*.credential_spec': 'it is for Windows',
  'services.*.develop': 'files are not watched',
  ...keys('services.*.', 'label_file extends extends.service extends.file'),
  'services.*.external_links': 'no link is made; put both into one network',
  'services.*.gpus': 'the container gets no GPU',
  'services.*.isolation': 'it is for Windows',
  'services.*.links': 'no alias is made; services of a network find each other by name',
  'services.*.models': 'no model is provided',
  'services.*.provider': 'no provider is called',
  'services.*.post_start': 'nothing is run after the start',
  'services.*.pre_stop': 'nothing is run before the stop',
  'services.*.pull_refresh_after': 'an image that is here is not pulled again; use pull_policy: always',
  'services.*.runtime': 'the runtime of the daemon is used',
  'services.*.storage_opt': 'the file system of the container is not limited',
  'services.*.use_api_socket': 'the container does not get the socket of the daemon',
  'services.*.volumes_from': 'nothing is shared; name the volumes',
  'services.*.ports[].name': 'it has no effect here',
  'services.*.ports[].app_protocol': 'it has no effect here',
  'services.*.ports[].mode': 'the port is published on this machine',
};

const mounts: Record<string, Support> = {
  ...keys('services.*.volumes', ' [].type [].source [].target [].read_only [].bind [].bind.propagation'),
  ...keys(
    'services.*.volumes[]',
    '.bind.create_host_path .volume .volume.nocopy .volume.subpath .volume.labels',
  ),
  ...keys('services.*.volumes[]', '.tmpfs .tmpfs.size .tmpfs.mode .bind.recursive'),
  ...keys('services.*.secrets', ' [].source [].target'),
  ...keys('services.*.configs', ' [].source [].target'),
  'services.*.volumes[].consistency': 'it is for macOS; Linux is always consistent',
  'services.*.volumes[].bind.selinux': 'the label of the files is not changed',
  'services.*.volumes[].image': 'the image is not mounted',
  'services.*.secrets[].uid': 'the file keeps its owner on the host',
  'services.*.secrets[].gid': 'the file keeps its group on the host',
  'services.*.secrets[].mode': 'the file keeps its mode on the host',
  'services.*.configs[].uid': 'the file keeps its owner on the host',
  'services.*.configs[].gid': 'the file keeps its group on the host',
  'services.*.configs[].mode': 'the file keeps its mode on the host',
};

const networks: Record<string, Support> = {
  ...keys(
    'services.*.networks',
    ' .*.aliases .*.ipv4_address .*.ipv6_address .*.link_local_ips .*.mac_address',
  ),
  ...keys('services.*.networks.*', '.driver_opts .gw_priority .priority'),
  'services.*.networks.*.interface_name': 'interfaces are named eth0, eth1 ... in order of connection',
  ...keys('networks', ' .*.name .*.driver .*.driver_opts .*.ipam .*.ipam.config .*.ipam.config[].subnet'),
  ...keys('networks.*', '.ipam.config[].ip_range .ipam.config[].gateway .ipam.config[].aux_addresses'),
  ...keys('networks.*', '.external .external.name .internal .enable_ipv6 .attachable .labels'),
  'networks.*.ipam.driver': "the engine's own address management is used",
  'networks.*.ipam.options': 'it has no effect here',
  'networks.*.enable_ipv4': 'IPv4 is always on',
};

const rest: Record<string, Support> = {
  ...keys('', 'name services volumes secrets configs'),
  ...keys('volumes.*', '.name .driver .driver_opts .external .external.name .labels'),
  ...keys('secrets.*', '.file'),
  ...keys('configs.*', '.file'),
  version: 'it is obsolete and has no effect; remove it',
  ...keys('include', ' [].path [].env_file [].project_directory'),
  models: 'no model is provided',
};

const stores: Record<string, Support> = {
  ...Object.fromEntries(
    ['secrets', 'configs'].flatMap((noun) => [
      [`${noun}.*.name`, 'it has no effect: the files of the project are mounted'],
      [`${noun}.*.environment`, 'it is not provided; put it into a file'],
      [`${noun}.*.external`, 'there is no store outside the project; use file'],
      [`${noun}.*.labels`, 'it has no effect here'],
      [`${noun}.*.template_driver`, 'the file is mounted as it is'],
    ]),
  ),
  'secrets.*.driver': 'it has no effect here',
  'secrets.*.driver_opts': 'it has no effect here',
  'configs.*.content': 'it is not provided; put it into a file',
};

/** The one table: every key of the schema, by its path with `*` for names and `[]` for items. */
export const support: Readonly<Record<string, Support | undefined>> = {
  ...rest,
  ...stores,
  ...build,
  ...deploy,
  ...container,
  ...mounts,
  ...networks,
};

/** Keys in the document that are not honoured, each with what happens instead. */
export function unsupportedKeys(tree: Tree): Problem[] {
  const found: Problem[] = [];
  walk(tree, [], [], found);
  return found;
}

function walk(tree: Tree, path: (string | number)[], general: string[], found: Problem[]): void {
  if (tree.kind === 'list')
    tree.items.forEach((item, index) => walk(item, [...path, index], [...general, '[]'], found));
  if (tree.kind !== 'map') return;
  for (const [key, entry] of tree.entries) {
    if (key.startsWith('x-')) continue;
    const here = [...path, key];
    const [named, known] = step(general, key);
    if (typeof known !== 'string') walk(entry.value, here, named, found);
    else {
      const place = { path: formatPath(here), at: entry.keyAt };
      const severity = key === 'version' && path.length === 0 ? 'advice' : 'warning';
      found.push(problem(severity, 'compose-key-not-honoured', place, `not honoured: ${known}`));
    }
  }
}

/** The table's path for a key: its own entry, or the one for any name. */
function step(general: readonly string[], key: string): [string[], Support | undefined] {
  const exact = [...general, key];
  const known = support[tablePath(exact)];
  return known === undefined ? [[...general, '*'], undefined] : [exact, known];
}

function tablePath(general: readonly string[]): string {
  return general.join('.').replaceAll('.[]', '[]');
}
