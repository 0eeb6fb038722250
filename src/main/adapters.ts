import { mkdir } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { SshHostAgents } from '#adapters/agent-sockets/ssh-host-agents.ts';
import { UnixAgentSockets } from '#adapters/agent-sockets/unix-agent-sockets.ts';
import { DiskBlobStore } from '#adapters/blobs/disk-blob-store.ts';
import { DiskLayoutFolders } from '#adapters/blobs/disk-layout-folders.ts';
import { GrpcBuildSessions } from '#adapters/buildkit/session.ts';
import { AcmeClientAuthority } from '#adapters/certificates/acme.ts';
import { ChallengeListener } from '#adapters/certificates/challenge-listener.ts';
import { PemCertificateFiles } from '#adapters/certificates/certificate-files.ts';
import { DiskUploads } from '#adapters/blobs/disk-uploads.ts';
import { X509LocalAuthority } from '#adapters/certificates/local-authority.ts';
import { HostCgroups } from '#adapters/cgroups/host-cgroups.ts';
import { SystemClock } from '#adapters/clock/system-clock.ts';
import { ConmonRuntime } from '#adapters/conmon/runtime.ts';
import { DiskContainerFiles } from '#adapters/container-files/disk-container-files.ts';
import { KeyFile } from '#adapters/key-file/key-file.ts';
import { passphraseFrom } from '#adapters/key-file/passphrase.ts';
import { StatfsDiskSpace } from '#adapters/disk-space/statfs-disk-space.ts';
import { DnsResolver } from '#adapters/dns/resolver.ts';
import { HostGit } from '#adapters/git/host-git.ts';
import { HaproxyBalancer } from '#adapters/haproxy/haproxy-balancer.ts';
import { ProgramDecompressor } from '#adapters/decompressor/program-decompressor.ts';
import { HttpDownloads } from '#adapters/downloads/http-downloads.ts';
import { HostsFile } from '#adapters/host-names/hosts-file.ts';
import { LinuxProcesses } from '#adapters/host-processes/host-processes.ts';
import { LinuxHost } from '#adapters/host/linux-host.ts';
import { SocketLogTargets } from '#adapters/log-targets/socket-log-targets.ts';
import { FileLogStore } from '#adapters/logs/file-log-store.ts';
import { LinuxMachine } from '#adapters/machine/linux-machine.ts';
import { HttpMetricSource } from '#adapters/metric-source/http-metric-source.ts';
import { Mmdebstrap } from '#adapters/mmdebstrap/mmdebstrap.ts';
import { OverlaySnapshotter } from '#adapters/overlay/overlay-snapshotter.ts';
import { SocketPortReserver } from '#adapters/ports/port-reserver.ts';
import { LocalProjectFiles } from '#adapters/project-files/project-files.ts';
import { DiskRootFiles } from '#adapters/rootfs/disk-root-files.ts';
import { NetworkProber } from '#adapters/prober/network-prober.ts';
import { withProxies } from '#adapters/registry-client/proxies.ts';
import { HttpRegistryClient } from '#adapters/registry-client/registry-client.ts';
import { HostSecretProviders } from '#adapters/secret-providers/secret-providers.ts';
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts';
import { DiskFileTrees } from '#adapters/trees/disk-file-trees.ts';
import { FolderVolumeStorage } from '#adapters/volumes/folder-volume-storage.ts';
import { HttpWebhookSender } from '#adapters/webhooks/http-webhook-sender.ts';
import { LocalWorkingTree } from '#adapters/working-tree/local-working-tree.ts';
import type { Instance } from '#domain/instance.ts';
import type { Settings } from '#domain/settings/settings.ts';
import type { Remapped } from '#main/remapping.ts';
import { openNetwork } from '#main/network-thread.ts';

export type Adapters = Awaited<ReturnType<typeof openAdapters>>;

/** Opens every door to the world for one instance. */
export async function openAdapters(
  instance: Instance,
  settings: Settings,
  log: Logger,
  remapped: Remapped | undefined,
) {
  const { root, run } = instance;
  for (const folder of [root, run]) await mkdir(folder, { recursive: true, mode: 0o711 });
  const clock = new SystemClock();
  const cgroups = new HostCgroups();
  await remapped?.checkReachable([root, run]);
  const { namespace, owner } = remapped ?? {};
  const network = openNetwork(instance, (change) => log.warn(change), namespace);
  const blobs = await DiskBlobStore.open(root);
  const logs = new FileLogStore(join(root, 'logs'));
  const { debian: archive, keyring, timeout } = settings.mirrors;
  return {
    store: new SqliteStateStore(join(root, 'state.db')),
    clock,
    keys: new KeyFile(settings.secrets.keyFile),
    passphrase: passphraseFrom(settings.secrets.passphraseFd),
    cgroups,
    logs,
    logTargets: new SocketLogTargets(settings.logs.journal),
    blobs,
    uploads: await DiskUploads.open(root, blobs),
    webhooks: new HttpWebhookSender(),
    snapshotter: await OverlaySnapshotter.open(root, remapped?.snapshots),
    runtime: await ConmonRuntime.open({
      run,
      cgroups,
      logPath: (id) => logs.path(id),
      report: (problem, error) => log.error({ err: error }, problem),
      standard: settings.runtime,
      remapped: remapped !== undefined,
    }),
    links: network.links,
    filter: network.filter,
    denials: network.denials,
    closeNetwork: network.close,
    ports: new SocketPortReserver(),
    ...{ prober: new NetworkProber(), metricSource: new HttpMetricSource() },
    resolver: new DnsResolver(),
    hostNames: new HostsFile(settings.names.hostsFile, instance.id),
    host: new LinuxHost(cgroups, namespace),
    processes: new LinuxProcesses(),
    machine: new LinuxMachine(cgroups.version),
    files: new DiskContainerFiles(join(run, 'containers'), namespace?.mappings),
    // Files that no container has keep their ids.
    ...{ rootFiles: new DiskRootFiles(namespace?.mappings), ownFiles: new DiskRootFiles() },
    ...openAgents(run),
    trees: new DiskFileTrees(join(root, 'builds')),
    layouts: new DiskLayoutFolders(),
    git: new HostGit(),
    buildSessions: new GrpcBuildSessions(join(root, 'builds', 'kept')),
    ...{ projectFiles: new LocalProjectFiles(), workingTree: new LocalWorkingTree() },
    secretProviders: new HostSecretProviders(),
    volumeStorage: new FolderVolumeStorage(join(root, 'volumes'), owner),
    space: new StatfsDiskSpace(root),
    ...{ downloads: new HttpDownloads(), decompressor: new ProgramDecompressor() },
    registry: openRegistryClient(settings, clock),
    bootstrapper: new Mmdebstrap({ root: join(root, 'bases'), mirror: { archive, keyring, timeout } }),
    balancer: openBalancer(instance, settings, (problem, error) => log.error({ err: error }, problem)),
    certificates: openCertificates(settings),
    architecture: arch() === 'arm64' ? ('arm64' as const) : ('amd64' as const),
  };
}

function openAgents(run: string) {
  return {
    agentSockets: new UnixAgentSockets(join(run, 'agents')),
    hostAgents: new SshHostAgents(join(run, 'ssh')),
  };
}

function openRegistryClient({ registries, proxy }: Settings, clock: SystemClock): HttpRegistryClient {
  const { insecure, mirrors, certificates, authFile, stallTimeout } = registries;
  const set = { HTTP_PROXY: proxy.http, HTTPS_PROXY: proxy.https, NO_PROXY: proxy.no };
  return new HttpRegistryClient({
    ...{ insecureRegistries: insecure, mirrors, certificateFolders: certificates, authFile },
    environment: withProxies(process.env, set),
    stallMillis: stallTimeout * 1000,
    backOffMillis: 500,
    now: () => clock.now(),
    random: Math.random,
  });
}

function openBalancer(
  { root, run, table }: Instance,
  { ingress }: Settings,
  report: (problem: string, error: unknown) => void,
): HaproxyBalancer {
  const { addresses, trustedProxies, accessLog, httpPort } = ingress;
  return new HaproxyBalancer({
    folder: join(run, 'haproxy'),
    log: join(root, 'ingress.log'),
    settings: { instance: table, addresses, trustedProxies, accessLog, challengePort: httpPort },
    report,
  });
}

/** Who signs certificates, and what of it is on this machine. */
function openCertificates({ ingress: { addresses, httpPort } }: Settings) {
  return {
    local: new X509LocalAuthority(),
    acme: new AcmeClientAuthority(),
    files: new PemCertificateFiles(),
    challenges: new ChallengeListener(addresses, httpPort),
  };
}

/** Lets go of everything that holds a thread, a descriptor or a watch. */
export async function closeAdapters(adapters: Adapters): Promise<void> {
  adapters.balancer.close();
  await adapters.certificates.challenges.close();
  await adapters.resolver.close();
  await adapters.runtime.close();
  await adapters.closeNetwork();
  await adapters.snapshotter.close();
  adapters.registry.close();
  adapters.ports.close();
  adapters.store.close();
}
