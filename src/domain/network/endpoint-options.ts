// Options of Docker's network drivers for one endpoint: `docker network connect --driver-opt NAME=VALUE`.

const OPTION = {
  prefix: 'com.docker.network.endpoint.',
  sysctls: 'com.docker.network.endpoint.sysctls',
  name: 'com.docker.network.endpoint.ifname',
} as const;

type Options = Readonly<Record<string, string>>;

/** What an endpoint's driver options ask for; those that are known and wrong, or unknown, are problems in Docker's words. */
export interface EndpointOptions {
  /** The interface's name inside. */
  name?: string;
  /** Settings of the interface: `net/ipv4/conf/IFNAME/log_martians` and its value, for the files below /proc/sys. */
  sysctls: Readonly<Record<string, string>>;
  problems: string[];
}

export function endpointOptions(options: Options): EndpointOptions {
  const problems: string[] = [];
  for (const option of Object.keys(options))
    if (option.startsWith(OPTION.prefix) && option !== OPTION.sysctls && option !== OPTION.name)
      problems.push(`driver option ${option} is not supported`);
  const name = options[OPTION.name] ?? '';
  if ((name !== '' && !/^[^\s/:%]{1,15}$/.test(name)) || name === '.' || name === '..')
    problems.push(
      `interface name '${name}' is not valid: required are 1 to 15 characters without '/', ':', '%' and spaces`,
    );
  const sysctls = readSysctls(options[OPTION.sysctls] ?? '', problems);
  return { ...(name === '' ? {} : { name }), sysctls, problems };
}

/** `net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.accept_ra=0`; Docker's client writes all of it small. */
function readSysctls(text: string, problems: string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const one of text.split(',').filter((part) => part !== '')) {
    const [, key, value] = /^(net\.(?:ipv4|ipv6|mpls)\.\w+\.IFNAME\.\w+)=(.*)$/i.exec(one) ?? [];
    if (key === undefined || value === undefined)
      problems.push(
        `unrecognised network interface sysctl '${one}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'`,
      );
    else found[key.replaceAll('.', '/').replace(/IFNAME/i, 'IFNAME')] = value;
  }
  return found;
}
