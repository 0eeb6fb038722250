import { isIPv6 } from 'node:net';
import type { Backend, BackendServer } from '#domain/ingress/table.ts';
import { serverOptions } from './backend-text.ts';
import { ask, command } from './runtime-api.ts';

type State = 'ready' | 'drain' | 'leaving';

interface Present {
  state: State;
  /** Address and port. A replica that starts again keeps its id and may have another address. */
  place: string;
}

/** The servers that the running HAProxy has, changed by its runtime API. */
export class RunningServers {
  readonly #socket: string;
  /** Backend to server to what the process has of it. */
  readonly #present = new Map<string, Map<string, Present>>();

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** What a process begins with that has just read its configuration. */
  began(backends: readonly Backend[], servers: (backend: string) => readonly BackendServer[]): void {
    this.#present.clear();
    for (const { name } of backends)
      this.#present.set(
        name,
        new Map(servers(name).map((one) => [one.id, { state: stateOf(one), place: placeOf(one) }])),
      );
  }

  /** Asks the process itself, which an earlier daemon left. */
  async observe(): Promise<void> {
    this.#present.clear();
    const answer = await ask(this.#socket, 'show servers state');
    for (const line of answer.split('\n')) {
      const columns = line.split(' ');
      const [, backend = '', , server = '', address = '', , admin = '0'] = columns;
      if (!/^\d+ /.test(line) || backend.startsWith('within-')) continue;
      // Flags of srv_admin_state: 0x08 drain, the others are maintenance.
      const flags = Number(admin);
      const state = flags === 0 ? 'ready' : flags === 8 ? 'drain' : 'leaving';
      this.#of(backend).set(server, { state, place: `${address} port ${columns[portColumn] ?? ''}` });
    }
  }

  async sync(backend: Backend, wanted: readonly BackendServer[]): Promise<void> {
    const present = this.#of(backend.name);
    const commands: string[] = [];
    for (const server of wanted) commands.push(...admission(backend, server, present));
    const kept = new Set(wanted.map(({ id }) => id));
    for (const [id, { state, place }] of present)
      if (!kept.has(id) && state !== 'leaving') {
        commands.push(`set server ${backend.name}/${id} state drain`);
        present.set(id, { state: 'leaving', place });
      }
    for (const some of inGroups(commands)) await command(this.#socket, some, fine);
  }

  #of(backend: string): Map<string, Present> {
    const known = this.#present.get(backend) ?? new Map<string, Present>();
    this.#present.set(backend, known);
    return known;
  }

  /** Whether some wait to be removed. */
  get isTidy(): boolean {
    return ![...this.#present.values()].some((servers) =>
      [...servers.values()].some(({ state }) => state === 'leaving'),
    );
  }

  /** Removes those that are to leave and have nothing to do any more. */
  async tidy(): Promise<void> {
    for (const [backend, servers] of this.#present) {
      const leaving = [...servers].flatMap(([id, { state }]) => (state === 'leaving' ? [id] : []));
      if (leaving.length === 0) continue;
      const used = await this.#used(backend);
      for (const id of leaving)
        if ((used.get(id) ?? 0) === 0 && (await this.#remove(`${backend}/${id}`))) servers.delete(id);
    }
  }

  /** Gives whether it is gone: connections that are kept for later requests hold it for some seconds. */
  async #remove(name: string): Promise<boolean> {
    await command(this.#socket, `set server ${name} state maint`, fine);
    const answer = await ask(this.#socket, `del server ${name}`);
    return !answer.includes('still has connections');
  }

  async #used(backend: string): Promise<Map<string, number>> {
    const answer = await ask(this.#socket, `show servers conn ${backend}`);
    const rows = answer.split('\n').map((line) => line.split(' '));
    return new Map(
      rows.flatMap(([name = '', , , , , , used]) =>
        name.startsWith(`${backend}/`) ? [[name.slice(backend.length + 1), Number(used)] as const] : [],
      ),
    );
  }
}

const fine = /^New server registered\.$|IP changed from|no need to change/;

/** Of `show servers state`. */
const portColumn = 18;

const stateOf = ({ draining }: BackendServer): State => (draining === true ? 'drain' : 'ready');
const placeOf = ({ address, port }: BackendServer): string => `${address} port ${port}`;

/** The commands that bring one server into the state that is wanted; none when it is there. */
function admission(backend: Backend, server: BackendServer, present: Map<string, Present>): string[] {
  const name = `${backend.name}/${server.id}`;
  const [state, place] = [stateOf(server), placeOf(server)];
  const before = present.get(server.id);
  present.set(server.id, { state, place });
  const change = `set server ${name} state ${state}`;
  const move = `set server ${name} addr ${place}`;
  if (before !== undefined)
    return [...(before.place === place ? [] : [move]), ...(before.state === state ? [] : [change])];
  const at = (host: string): string => (isIPv6(host) ? `[${host}]` : host);
  const options = serverOptions(backend);
  if (backend.shape.sticky === undefined)
    return [`add server ${name} ${at(server.address)}:${server.port} ${options}`, change];
  // The value of its cookie is only made when its address changes.
  return [`add server ${name} 0.0.0.1:${server.port} ${options}`, move, change];
}

/** Several commands in one line, as long as HAProxy reads. */
function inGroups(commands: readonly string[]): string[] {
  const groups: string[] = [];
  for (let at = 0; at < commands.length; at += 30) groups.push(commands.slice(at, at + 30).join(';'));
  return groups;
}
