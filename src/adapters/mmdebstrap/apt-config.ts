import { run } from './children.ts';

/** Settings that say how to reach a mirror from this host; all others stay the host's own business. */
const reaching = /^Acquire::(?:https?::|Check-Valid-Until |Check-Date |ForceIPv[46] |Retries )/;

/** The host's own settings about proxies, certificates, time checks, as lines of an apt.conf. */
export async function hostAcquireSettings(signal: AbortSignal): Promise<string> {
  const { stdout } = await run({ command: ['apt-config', 'dump'], signal });
  return stdout
    .split('\n')
    .filter((line) => reaching.test(line))
    .join('\n');
}

/**
 * An apt.conf that keeps everything below `home` and takes nothing from the host but its keys, its
 * credentials for mirrors and `acquire`. apt cannot give up its privileges here, as the root folder of
 * the daemon is closed to other users.
 * @param timeout seconds that a mirror may be silent
 */
export function aptConfig(
  { home, architecture, timeout }: { home: string; architecture: string; timeout: number },
  acquire: string,
): string {
  return `APT::Architecture "${architecture}";
APT::Architectures "${architecture}";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
pkgCacheGen::ForceEssential ",";
Acquire::Languages "none";
Dir::State "${home}/";
Dir::State::lists "${home}/lists/";
Dir::State::status "${home}/status";
Dir::State::extended_states "${home}/extended_states";
Dir::Cache "${home}/";
Dir::Cache::archives "${home}/archives/";
Dir::Etc "${home}/";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "${home}/sources/";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "${home}/parts/";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "${home}/parts/";
Dir::Etc::trusted "/etc/apt/trusted.gpg";
Dir::Etc::trustedparts "/etc/apt/trusted.gpg.d/";
Dir::Etc::netrc "/etc/apt/auth.conf";
Dir::Etc::netrcparts "/etc/apt/auth.conf.d/";
Dir::Log "${home}/";
Dir::Log::Terminal "";
Dir::Log::History "";
Acquire::Retries "1";
${acquire}
Acquire::http::Timeout "${timeout}";
Acquire::https::Timeout "${timeout}";
`;
}
