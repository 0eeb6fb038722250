import { invalid, messageOf, systemCode } from '#base/errors.ts';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

// Kernel settings that bridged containers need (Documentation/networking/ip-sysctl.rst). The files under
// /proc/sys/net belong to the network namespace of the thread that opens them.

/** Sets one to `value` unless it is so. Gives the sentence for the log when it was changed. */
function set(path: string, value: string, why: string): string[] {
  const file = `/proc/sys/net/${path}`;
  if (!existsSync(file)) return [];
  const before = readFileSync(file, 'utf8').trim();
  if (before === value) return [];
  writeFileSync(file, value);
  return [`net.${path.replaceAll('/', '.')} was ${before} and is now ${value}: ${why}`];
}

/** Settings of the whole host; gives what was changed. */
export function allowForwarding(withIpv6: boolean): string[] {
  const why = 'packets of containers have to be forwarded';
  return [
    ...set('ipv4/ip_forward', '1', why),
    ...(withIpv6 ? set('ipv6/conf/all/forwarding', '1', why) : []),
  ];
}

/** A link that only carries those of containers has no addresses of its own. */
export function keepBare(name: string): void {
  set(`ipv6/conf/${name}/disable_ipv6`, '1', '');
}

/**
 * Settings of one link in the namespace that the thread is in.
 * @throws invalid `network-setting-invalid`
 */
export function setAll(name: string, settings: [path: string, value: string][]): void {
  for (const [path, value] of settings) {
    const key = path.replace('IFNAME', name);
    try {
      writeFileSync(`/proc/sys/${key}`, value);
    } catch (error) {
      const reason = systemCode(error) ?? messageOf(error);
      throw invalid(
        'network-setting-invalid',
        `failed to set sysctl ${key.replaceAll('/', '.')} to '${value}': ${reason}`,
      );
    }
  }
}

/** Settings of our own bridge; nothing of them is worth a word in the log. */
export function prepareBridge(name: string, withIpv6: boolean): void {
  set(`ipv4/conf/${name}/forwarding`, '1', '');
  // Without it the kernel refuses packets from 127.0.0.1 to a container, so `localhost:8080` would not work.
  set(`ipv4/conf/${name}/route_localnet`, '1', '');
  set(`ipv6/conf/${name}/disable_ipv6`, withIpv6 ? '0' : '1', '');
  if (withIpv6) set(`ipv6/conf/${name}/accept_dad`, '0', '');
}

/**
 * Whether what the ports of a bridge send each other passes the packet filter: br_netfilter has to be there, and
 * the bridge itself (`asked`) or the host asks for it.
 */
export function seesBridged(asked: boolean, withIpv6: boolean): boolean {
  const isOn = (name: string): boolean => {
    const file = `/proc/sys/net/bridge/${name}`;
    return existsSync(file) && (asked || readFileSync(file, 'utf8').trim() === '1');
  };
  return isOn('bridge-nf-call-iptables') && (!withIpv6 || isOn('bridge-nf-call-ip6tables'));
}
