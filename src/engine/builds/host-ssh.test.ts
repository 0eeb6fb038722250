import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostAgents } from '#ports/host-agents.ts';
import { withHostSsh } from './host-ssh.ts';

/** Agents by their paths; to close one of the path `broken` fails. */
function makeAgents(): { agents: HostAgents; closed: string[] } {
  const closed: string[] = [];
  const open: HostAgents['open'] = ([path = '']) => {
    if (path === 'none') return Promise.reject(new Error('no agent'));
    const close = (): Promise<void> => {
      closed.push(path);
      return path === 'broken' ? Promise.reject(new Error('not closed')) : Promise.resolve();
    };
    return Promise.resolve({ connect: assert.fail, close });
  };
  return { agents: { open }, closed };
}

test('all agents are closed, also when one cannot be, or another cannot be opened', async () => {
  const { agents, closed } = makeAgents();
  const sources = { one: ['first'], two: ['broken'], three: ['last'] };
  await assert.rejects(
    withHostSsh(agents, sources, (ssh) => ssh.has('two')),
    /not closed/,
  );
  assert.deepEqual(closed.splice(0).sort(), ['broken', 'first', 'last']);
  await assert.rejects(
    withHostSsh(agents, { one: ['first'], two: ['none'] }, () => assert.fail('not all are open')),
    /no agent/,
  );
  assert.deepEqual(closed, ['first']);
});
