import { conflict, systemCode, unsupported } from '#base/errors.ts';
import type { Network, ParentLink } from '#domain/network/network.ts';
import { isChildDriver, checkSharedParent, pairOf, vlanOf } from '#domain/network/parent-link.ts';
import type { NetworkBook } from './network-book.ts';
import type { NetworkParts } from './parts.ts';

/** The links of the host on which networks of macvlan and ipvlan hang. */
export class Parents {
  readonly #parts: Pick<NetworkParts, 'links' | 'report'>;
  readonly #book: NetworkBook;

  constructor(parts: Pick<NetworkParts, 'links' | 'report'>, book: NetworkBook) {
    this.#parts = parts;
    this.#book = book;
  }

  /**
   * Makes the parent when it is not there, and gives the network with what was made.
   * @throws unsupported `network-driver-unsupported`; invalid `network-option-invalid`, `network-parent-taken`;
   * not-found `link-missing`
   */
  async open(network: Network, parent: ParentLink): Promise<Network> {
    const { links } = this.#parts;
    const { driver } = network;
    if (!isChildDriver(driver)) return network;
    if (!(await links.knows(driver))) throw missingKind(network.name, driver);
    checkSharedParent(parent, this.#book.list(), driver);
    if (parent.made === 'pair' || (await links.has(parent.name))) {
      await this.#raise(parent);
      return { ...network, parent };
    }
    const made = { ...parent, made: 'vlan' } as const;
    await this.#raise(made);
    return { ...network, parent: made };
  }

  /** After a restart; one that fails is reported. */
  async reopen({ name, parent }: Network): Promise<void> {
    if (parent === undefined) return;
    await this.#raise(parent).catch((error: unknown) =>
      this.#parts.report(`network ${name}: containers cannot be joined to it`, error),
    );
  }

  /** Removes what was made for the network, unless another one needs it. Idempotent. */
  async close({ id, parent }: Network): Promise<void> {
    if (parent?.made === undefined) return;
    const heir = this.#book.list().find((other) => other.id !== id && other.parent?.name === parent.name);
    if (heir === undefined) await this.#parts.links.removeLink(parent.name);
    else this.#book.put({ ...heir, parent: { ...parent, mode: heir.parent?.mode ?? parent.mode } });
  }

  /** Names of the links that were made. */
  made(): string[] {
    return this.#book
      .list()
      .flatMap(({ parent }) =>
        parent?.made === 'pair' ? [parent.name, pairOf(parent.name)] : parent?.made ? [parent.name] : [],
      );
  }

  async #raise(parent: ParentLink): Promise<void> {
    const { links } = this.#parts;
    if (parent.made === 'pair') return links.ensurePair(parent.name);
    if (parent.made !== 'vlan' || (await links.has(parent.name))) return;
    const vlan = vlanOf(parent.name);
    if (!(await links.knows('vlan'))) throw missingKind(parent.name, 'vlan');
    try {
      await links.addVlan(parent.name, vlan);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      throw conflict(
        'network-option-invalid',
        `parent ${parent.name}: link ${vlan.link} has VLAN ${vlan.id} already, under another name`,
        { cause: error },
      );
    }
  }
}

function missingKind(name: string, kind: string): Error {
  return unsupported(
    'network-driver-unsupported',
    `cannot make ${name}: the kernel of this host has no links of kind ${kind}`,
    {
      hint: `Load the kernel's module (modprobe ${kind === 'vlan' ? '8021q' : kind}), or use the driver bridge.`,
    },
  );
}
