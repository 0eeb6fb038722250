import type { SshAgents } from '#engine/contracts.ts';
import type { HostAgent, HostAgents } from '#ports/host-agents.ts';
import { internal } from '#base/errors.ts';

/**
 * The agents of this machine that a build is given, by their ids, while the work is done.
 * @param sources by id the path of an agent's socket, or of files with keys
 * @throws as HostAgents.open
 */
export async function withHostSsh<T>(
  agents: HostAgents,
  sources: Readonly<Record<string, readonly string[]>>,
  work: (ssh: SshAgents) => Promise<T>,
): Promise<T> {
  await using closings = new AsyncDisposableStack();
  const open = new Map<string, HostAgent>();
  for (const [id, paths] of Object.entries(sources)) {
    const agent = await agents.open(paths);
    closings.defer(() => agent.close());
    open.set(id, agent);
  }
  return await work({
    has: (id) => Promise.resolve(open.has(id)),
    connect: (id) => {
      const agent = open.get(id);
      if (agent === undefined) throw internal('ssh-agent-missing', `no agent has the id '${id}'`);
      return agent.connect();
    },
  });
}
