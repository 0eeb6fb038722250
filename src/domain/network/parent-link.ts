import { invalid } from '#base/errors.ts';
import type { ParentLink } from '#domain/network/network.ts';

// Networks whose containers hang on a link of the host by links of their own: macvlan and ipvlan.

export type ChildDriver = 'macvlan' | 'ipvlan';

const modes: Readonly<Record<ChildDriver, readonly [usual: string, ...others: string[]]>> = {
  macvlan: ['bridge', 'private', 'vepa', 'passthru'],
  ipvlan: ['l2', 'l3', 'l3s'],
};
const flags = ['bridge', 'private', 'vepa'] as const;

export function isChildDriver(driver: string): driver is ChildDriver {
  return driver === 'macvlan' || driver === 'ipvlan';
}

/**
 * What a network's options ask for, in Docker's words: `parent`, `macvlan_mode`, `ipvlan_mode`, `ipvlan_flag`.
 * @param ownName the name of the link that is made when no parent is named
 * @throws invalid `network-option-invalid`
 */
export function parentLinkOf(
  driver: ChildDriver,
  options: Readonly<Record<string, string>>,
  ownName: string,
): ParentLink {
  const mode = oneOf(modes[driver], driver, `${driver} mode`, options[`${driver}_mode`]);
  const flag =
    driver === 'ipvlan' ? { flag: oneOf(flags, driver, 'ipvlan flag', options['ipvlan_flag']) } : {};
  const name = options['parent'] ?? '';
  if (name === 'lo')
    throw invalid('network-option-invalid', `loopback interface is not a valid ${driver} parent link`);
  return name === '' ? { name: ownName, mode, ...flag, made: 'pair' } : { name, mode, ...flag };
}

function oneOf(known: readonly [string, ...string[]], driver: ChildDriver, what: string, asked = ''): string {
  if (asked === '') return known[0];
  if (known.includes(asked)) return asked;
  throw invalid(
    'network-option-invalid',
    `requested ${what} '${asked}' is not valid, '${known[0]}' ${what.replace(/^\w+ /, '')} is the ${driver} driver default`,
    { hint: `There are ${known.join(', ')}.` },
  );
}

/**
 * The link and the number of a VLAN that a name such as `eth0.10` means.
 * @throws invalid `network-option-invalid` with Docker's words
 */
export function vlanOf(name: string): { link: string; id: number } {
  const dot = name.lastIndexOf('.');
  const [link, text] = [name.slice(0, Math.max(dot, 0)), name.slice(dot + 1)];
  if (link === '' || !/^\d+$/.test(text))
    throw invalid(
      'network-option-invalid',
      `the host has no link '${name}', and it names no VLAN of one: example formatting is eth0.10`,
    );
  const id = Number(text);
  if (id >= 1 && id <= 4094) return { link, id };
  throw invalid('network-option-invalid', `vlan id must be between 1-4094, received: ${text}`);
}

/** The other end of a pair of links that was made as a parent. */
export const pairOf = (name: string): string => `${name}p`;

/** Two networks may share a parent, but `passthru` takes the whole of it. @throws invalid `network-parent-taken` */
export function checkSharedParent(
  wanted: ParentLink,
  others: readonly { name: string; driver: string; parent?: ParentLink }[],
  driver: ChildDriver,
): void {
  const sharing = others.filter(({ parent }) => parent?.name === wanted.name);
  const other = sharing.find((each) => each.driver !== driver || isPassthru(each.parent)) ?? sharing[0];
  if (other === undefined) return;
  const found = `${other.driver} network ${other.name} is already using parent interface ${wanted.name}`;
  if (other.driver !== driver)
    throw invalid('network-parent-taken', `${found}: macvlan and ipvlan cannot share one`);
  if (isPassthru(other.parent)) throw invalid('network-parent-taken', `${found} in mode passthru`);
  if (isPassthru(wanted)) throw invalid('network-parent-taken', `cannot use mode passthru, ${found}`);
}

const isPassthru = (parent: ParentLink | undefined): boolean => parent?.mode === 'passthru';
