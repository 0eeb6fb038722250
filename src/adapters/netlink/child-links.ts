import { closeSync } from 'node:fs';
import { errno } from '#adapters/linux/libc.ts';
import { systemCode } from '#base/errors.ts';
import { pairOf } from '#domain/network/parent-link.ts';
import type { ChildKind, ChildLink } from '#ports/links.ts';
import { createChild, createPair, createVlan, setAlias, setMac, tryKind } from './child-messages.ts';
import type { HostLinks } from './host-links.ts';
import { keepBare } from './host-settings.ts';
import { deleteLink, setUp } from './messages.ts';
import type { HomeNamespace } from './namespaces.ts';

/** Links of containers that hang on one of the host's, and parents for them. Every call blocks. */
export class ChildLinks {
  readonly #links: HostLinks;
  readonly #home: HomeNamespace;

  constructor(links: HostLinks, home: HomeNamespace) {
    this.#links = links;
    this.#home = home;
  }

  knows(kind: ChildKind | 'vlan'): boolean {
    try {
      this.#links.run(tryKind(kind));
    } catch (error) {
      return systemCode(error) !== 'ENOTSUP';
    }
    throw new Error(`a link of kind ${kind} was made although it hangs on nothing`);
  }

  /** Failed: no link is left. */
  addVlan({ name, link, id, alias }: { name: string; link: string; id: number; alias: string }): void {
    const index = this.#links.indexOf(link);
    try {
      this.#links.run(createVlan(name, index, id), setAlias(name, alias));
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') this.#links.removeLink(name);
      throw error;
    }
  }

  ensurePair(name: string): void {
    const other = pairOf(name);
    this.#links.run({ ...createPair(name, other), tolerate: [errno.EEXIST] });
    for (const end of [name, other]) {
      keepBare(end);
      this.#links.run(setUp(end, this.#links.indexOf(end)));
    }
  }

  /** Failed: no link is left. */
  connect(child: ChildLink): void {
    const parent = this.#links.indexOf(child.parent);
    const namespace = this.#home.open(child.namespace);
    try {
      this.#links.run(createChild(child, parent, namespace));
    } finally {
      closeSync(namespace);
    }
    try {
      const isPassthru = child.mode === 'passthru';
      this.#links.configure(child, (index) => (isPassthru ? [setMac(child.name, index, child.mac)] : []));
    } catch (error) {
      using inside = this.#home.socketIn(child.namespace);
      inside.run({ ...deleteLink(child.name), tolerate: [errno.ENODEV] });
      throw error;
    }
  }
}
