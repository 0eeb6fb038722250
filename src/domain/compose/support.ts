import { problem, type Problem } from './problem.ts';
import { formatPath, type Tree } from './tree.ts';

/**
 * What Berth does with a key: `true`, it is honoured; a text, it is not, and this happens instead. A text
 * stands for everything below the key too.
 */
export type Support = true | string;

/** An error says so where it stands; a file with it does not run. */
export const refused = 'it is refused';

const keys = (prefix: string, names: string): Record<string, true> =>
  Object.fromEntries(names.split(' ').map((name) => [`${prefix}${name}`, true]));

const build: Record<string, Support> = {
  ...keys('services.*.build', ' .context .dockerfile .dockerfile_inline .args .labels .network .no_cache'),
  ...keys(
    'services.*.build',
    '.pull .target .shm_size .tags .extra_hosts .ulimits .platforms .provenance .sbom',
  ),
  ...keys('services.*.build', '.additional_contexts .cache_from .cache_to .no_cache_filter .secrets'),
  ...keys('services.*.build', '.entitlements .privileged .ssh'),
  ...keys('services.*.build.secrets[]', '.source .target .uid .gid .mode'),
  ...keys('services.*.build.ulimits.*', '.hard .soft'),
  'services.*.build.isolation': 'it is for Windows; the build runs in a container',
};

const deploy: Record<string, Support> = {
  ...keys('services.*.deploy', ' .mode .replicas .resources .resources.limits .resources.limits.cpus'),
  ...keys(
    'services.*.deploy.resources',
    '.limits.memory .limits.pids .reservations .reservations.memory .reservations.cpus',
  ),
  ...keys('services.*.deploy.resources.reservations.devices', ' [].capabilities [].count [].device_ids'),
  ...keys('services.*.deploy.resources.reservations.devices[]', '.driver .options'),
  ...keys('services.*.deploy.restart_policy', ' .condition .delay .max_attempts .window'),
  ...keys('services.*.deploy.placement', ' .constraints .max_replicas_per_node'),
  'services.*.deploy.labels':
    'labels of the service are kept with the app, containers do not get them; use labels',
  'services.*.deploy.placement.preferences': 'everything runs on this machine',
  'services.*.deploy.resources.reservations.generic_resources': 'nothing is reserved',
  ...keys('services.*.deploy.', 'endpoint_mode update_config update_config.parallelism update_config.delay'),
  ...keys('services.*.deploy.', 'update_config.failure_action update_config.monitor update_config.order'),
  ...keys('services.*.deploy.', 'update_config.max_failure_ratio rollback_config rollback_config.delay'),
  ...keys('services.*.deploy.', 'rollback_config.parallelism rollback_config.failure_action'),
  ...keys(
    'services.*.deploy.',
    'rollback_config.monitor rollback_config.max_failure_ratio rollback_config.order',
  ),
};

const container: Record<string, Support> = {
  ...keys('services.*.', 'annotations blkio_config cap_add cap_drop cgroup cgroup_parent command'),
  ...keys('services.*.blkio_config', '.weight .weight_device .device_read_bps .device_read_iops'),
  ...keys('services.*.blkio_config', '.device_write_bps .device_write_iops .weight_device[].path'),
  ...keys('services.*.blkio_config', '.weight_device[].weight .device_read_bps[].path'),
  ...keys('services.*.blkio_config', '.device_read_bps[].rate .device_read_iops[].path'),
  ...keys('services.*.blkio_config', '.device_read_iops[].rate .device_write_bps[].path'),
  ...keys('services.*.blkio_config', '.device_write_bps[].rate .device_write_iops[].path'),
  ...keys('services.*.blkio_config', '.device_write_iops[].rate'),
  ...keys('services.*.', 'container_name cpu_shares cpu_quota cpu_period cpus cpuset depends_on'),
  ...keys('services.*.depends_on.*', '.condition .required'),
  ...keys('services.*.', 'depends_on.*.restart device_cgroup_rules devices devices[].source'),
  ...keys('services.*.', 'devices[].target devices[].permissions dns dns_opt dns_search domainname'),
  ...keys('services.*.', 'entrypoint env_file env_file[].path env_file[].format env_file[].required'),
  ...keys('services.*.', 'environment expose extends extends.service extends.file external_links'),
  ...keys('services.*.', 'extra_hosts gpus gpus[].capabilities gpus[].count gpus[].device_ids'),
  ...keys('services.*.', 'gpus[].driver gpus[].options group_add healthcheck healthcheck.disable'),
  ...keys('services.*.', 'healthcheck.interval healthcheck.retries healthcheck.start_interval'),
  ...keys('services.*.', 'healthcheck.start_period healthcheck.test healthcheck.timeout hostname image'),
  ...keys('services.*.', 'init ipc label_file labels links logging logging.driver logging.options'),
  ...keys('services.*.', 'mac_address mem_limit mem_reservation mem_swappiness memswap_limit'),
  ...keys('services.*.', 'network_mode oom_kill_disable oom_score_adj pid pids_limit platform ports'),
  ...keys('services.*.ports[]', '.name .host_ip .target .published .protocol'),
  ...keys(
    'services.*.',
    'privileged profiles pull_policy read_only restart runtime scale security_opt shm_size',
  ),
  ...keys('services.*.', 'stdin_open stop_grace_period stop_signal sysctls tmpfs tty ulimits'),
  ...keys('services.*.', 'ulimits.*.hard ulimits.*.soft user userns_mode uts volumes_from working_dir'),
  ...keys('services.*.', 'post_start post_start[].command post_start[].environment post_start[].privileged'),
  ...keys('services.*.', 'post_start[].user post_start[].working_dir pre_stop pre_stop[].command'),
  ...keys('services.*.', 'pre_stop[].environment pre_stop[].privileged pre_stop[].user'),
  ...keys('services.*.', 'pre_stop[].working_dir'),
  'services.*.attach': 'output is read with berth logs',
  'services.*.cpu_count': 'it is for Windows; use cpus',
  'services.*.cpu_percent': 'it is for Windows; use cpus',
  'services.*.cpu_rt_period': refused,
  'services.*.cpu_rt_runtime': refused,
  'services.*.credential_spec': 'it is for Windows',
  'services.*.isolation': 'it is for Windows',
  'services.*.models': refused,
  'services.*.ports[].app_protocol': 'it has no effect here',
  'services.*.ports[].mode': 'the port is published on this machine',
  'services.*.pre_start':
    'nothing is run before the start; use depends_on with service_completed_successfully',
  'services.*.provider': refused,
  'services.*.pull_refresh_after': 'an image that is here is not pulled again; use pull_policy: always',
  'services.*.storage_opt': 'the file system of the container is not limited',
  'services.*.umask': 'files are made with the mask that the runtime sets',
  'services.*.use_api_socket': 'the container does not get the socket of the daemon',
};

const develop: Record<string, Support> = {
  ...keys('services.*.develop', ' .watch .watch[].action .watch[].path .watch[].target .watch[].ignore'),
  ...keys('services.*.develop.watch[]', '.include .initial_sync .exec .exec.command .exec.environment'),
  ...keys('services.*.develop.watch[].exec', '.privileged .user .working_dir'),
};

const mounts: Record<string, Support> = {
  ...keys('services.*.volumes', ' [].type [].source [].target [].read_only [].bind [].bind.propagation'),
  ...keys('services.*.volumes[]', '.bind.create_host_path .bind.recursive .image .image.subpath .volume'),
  ...keys('services.*.volumes[]', '.volume.nocopy .volume.subpath .volume.labels .tmpfs .tmpfs.size'),
  ...keys('services.*.volumes[]', '.tmpfs.mode'),
  ...keys('services.*.secrets', ' [].source [].target [].uid [].gid [].mode'),
  ...keys('services.*.configs', ' [].source [].target [].uid [].gid [].mode'),
  'services.*.volumes[].bind.selinux': 'the label of the files is not changed',
  'services.*.volumes[].consistency': 'it is for macOS; Linux is always consistent',
};

const networks: Record<string, Support> = {
  ...keys('services.*.networks', ' .*.aliases .*.ipv4_address .*.ipv6_address'),
  ...keys('services.*.networks.*', '.mac_address .driver_opts .gw_priority .priority'),
  ...keys('services.*.networks.*', '.interface_name .use_service_name_alias'),
  'services.*.networks.*.link_local_ips': refused,
  ...keys('networks', ' .*.name .*.driver .*.driver_opts .*.ipam .*.ipam.config .*.ipam.config[].subnet'),
  ...keys('networks.*', '.ipam.config[].ip_range .ipam.config[].gateway .ipam.config[].aux_addresses'),
  ...keys('networks.*', '.external .external.name .internal .enable_ipv6 .attachable .labels'),
  'networks.*.enable_ipv4': 'IPv4 is always on',
  'networks.*.ipam.driver': "the engine's own address management is used",
  'networks.*.ipam.options': 'it has no effect here',
};

const rest: Record<string, Support> = {
  ...keys('', 'name services volumes secrets configs'),
  ...keys('include', ' [].path [].env_file [].project_directory'),
  ...keys('volumes.*', '.name .driver .driver_opts .external .external.name .labels'),
  ...keys('secrets.*', '.file .environment .external .external.name .name'),
  ...keys('configs.*', '.file .content .environment .external .external.name .name'),
  jobs: 'no job is run; a service can have a schedule (x-berth)',
  models: 'no model is provided',
  version: 'it is obsolete and has no effect; remove it',
};

const stores: Record<string, Support> = {
  ...Object.fromEntries(
    ['secrets', 'configs'].flatMap((noun) => [
      [`${noun}.*.labels`, 'it has no effect here'],
      [`${noun}.*.template_driver`, 'the value is taken as it is'],
    ]),
  ),
  'secrets.*.driver': 'no driver is called; x-berth.secrets can name a provider',
  'secrets.*.driver_opts': 'it has no effect here',
};

/** The one table: every key of the schema, by its path with `*` for names and `[]` for items. */
export const support: Readonly<Record<string, Support | undefined>> = {
  ...rest,
  ...stores,
  ...build,
  ...deploy,
  ...develop,
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
    if (known === refused) continue;
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
