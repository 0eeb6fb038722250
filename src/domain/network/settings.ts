import { invalid } from '#base/errors.ts';
import type { Network } from '#domain/network/network.ts';

// The options of Docker's bridge driver that a network is created with.

const OPTION = {
  name: 'com.docker.network.bridge.name',
  interContainer: 'com.docker.network.bridge.enable_icc',
  masquerade: 'com.docker.network.bridge.enable_ip_masquerade',
  hostBinding: 'com.docker.network.bridge.host_binding_ipv4',
  mtu: 'com.docker.network.driver.mtu',
} as const;

const DEFAULT_MTU = 1500;
const SMALLEST_MTU = 68;
const LARGEST_MTU = 65_535;
const LONGEST_NAME = 15;

type Options = Readonly<Record<string, string>>;

/** The name of the bridge device that a person asks for. @throws invalid `network-option-invalid` */
export function wantedBridgeName(options: Options): string | undefined {
  const name = options[OPTION.name];
  if (name === undefined || name === '') return undefined;
  if (/^[^\s/:]+$/.test(name) && name.length <= LONGEST_NAME && name !== '.' && name !== '..') return name;
  throw wrong(OPTION.name, name, `a name of at most ${LONGEST_NAME} characters without '/', ':' and spaces`);
}

/** Bytes. @throws invalid `network-option-invalid` */
export function mtuOf(options: Options, usual = DEFAULT_MTU): number {
  const text = options[OPTION.mtu];
  if (text === undefined || text === '' || text === '0') return usual;
  const mtu = Number(text);
  if (Number.isInteger(mtu) && mtu >= SMALLEST_MTU && mtu <= LARGEST_MTU) return mtu;
  throw wrong(OPTION.mtu, text, `a number from ${SMALLEST_MTU} to ${LARGEST_MTU}`);
}

/** Whether containers of the network reach each other without being published. */
export const allowsInterContainer = (network: Network): boolean =>
  isOn(network.options, OPTION.interContainer);

export const masquerades = (network: Network): boolean => isOn(network.options, OPTION.masquerade);

/** The host's address for ports that are published without one; '' for all. */
export const hostBindingOf = (network: Network): string => network.options[OPTION.hostBinding] ?? '';

/** @throws invalid `network-option-invalid` for a value that means nothing */
export function checkOptions(options: Options): void {
  wantedBridgeName(options);
  mtuOf(options);
  for (const name of [OPTION.interContainer, OPTION.masquerade]) {
    const text = options[name];
    if (text !== undefined && !/^(1|0|t|f|true|false)?$/i.test(text))
      throw wrong(name, text, 'true or false');
  }
}

function isOn(options: Options, name: string): boolean {
  return !/^(0|f|false)$/i.test(options[name] ?? 'true');
}

function wrong(name: string, value: string, required: string): Error {
  return invalid(
    'network-option-invalid',
    `network option ${name}: found '${value}', required is ${required}`,
  );
}
