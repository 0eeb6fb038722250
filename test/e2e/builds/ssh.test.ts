import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { BytesMessage, CheckAgentRequest, Nothing } from '#adapters/buildkit/messages.ts';
import { unary, type Methods } from '#base/grpc/server.ts';
import { BuildkitClient, fileSync } from '../../support/buildkit-client.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { copyProgram, makeKey, startAgent, type SshKey, type TestAgent } from '../../support/ssh.ts';

/** Forwards an agent as a session does (`--ssh` of buildx). */
function forwarding(socket: string): Methods {
  return {
    '/moby.sshforward.v1.SSH/CheckAgent': unary(CheckAgentRequest, Nothing, () => Promise.resolve({})),
    '/moby.sshforward.v1.SSH/ForwardAgent': async function* (requests) {
      const agent = connect(socket);
      const sent = (async () => {
        for await (const request of requests) agent.write(BytesMessage.decode(request).data);
        agent.end();
      })();
      const chunks: AsyncIterable<Buffer> = agent;
      for await (const data of chunks) yield BytesMessage.encode({ data });
      await sent;
    },
  };
}

describe('RUN --mount=type=ssh', () => {
  let daemon: TestDaemon;
  let agent: TestAgent;
  let held: SshKey;
  let other: SshKey;

  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    const tools = join(daemon.folder, 'tools');
    await copyProgram('/usr/bin/ssh-add', join(tools, 'root'));
    await writeFile(join(tools, 'Dockerfile'), 'FROM busybox\nCOPY root /\n');
    const { code, stderr } = await daemon.berth('build', '-t', 'tools', tools);
    assert.equal(code, 0, stderr);
    held = await makeKey(daemon.folder, 'held');
    other = await makeKey(daemon.folder, 'other');
    agent = await startAgent(daemon.folder, [held]);
  });
  after(async () => {
    await agent[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  const folderOf = async (name: string, files: Record<string, string>): Promise<string> => {
    const folder = join(daemon.folder, name);
    await mkdir(folder);
    for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
    return folder;
  };
  const listing =
    'FROM tools\nRUN --mount=type=ssh,required /usr/bin/ssh-add -l >/keys\nRUN --mount=type=ssh,id=own /usr/bin/ssh-add -l >/own\n';
  /** Agents that were started for keys in files. */
  const started = (): string[] => {
    const folder = join(daemon.run, 'ssh');
    return existsSync(folder) ? readdirSync(folder) : [];
  };

  it('berth build --ssh gives the agent of the shell, and one of its own for a key in a file', async () => {
    const folder = await folderOf('berth', { Dockerfile: listing });
    const words = ['--ssh', 'default', '--ssh', `own=${other.path}`, '-t', 'ssh:berth', folder];
    const environment = { SSH_AUTH_SOCK: agent.socket };
    const { code, stderr } = await daemon.berth('build', ...words, { environment });
    assert.equal(code, 0, stderr);
    const keys = await daemon.ok('run', '--rm', 'ssh:berth', 'cat', '/keys', '/own');
    assert.deepEqual(
      keys.split('\n').map((line) => line.split(' ')[1]),
      [held.fingerprint, other.fingerprint],
    );
    assert.deepEqual(started(), []);
  });

  it('what is no agent and no usable key is refused', async () => {
    const folder = await folderOf('refused', { Dockerfile: listing });
    const locked = await makeKey(daemon.folder, 'locked', 'a passphrase');
    const wrong: [string[], RegExp][] = [
      [['--ssh', 'default'], /this shell has no SSH agent/],
      [['--ssh', `default=${locked.path}`], /locked is no SSH key that can be used[^]*passphrase/],
      [['--ssh', `default=${folder}/none`], /no SSH agent or key is at .*\/none/],
      [['--ssh', '='], /none of default, ID, ID=SOCKET/],
      [[], /no SSH key "default" forwarded from the client/],
    ];
    for (const [words, message] of wrong) {
      const { code, stderr } = await daemon.berth('build', '--no-cache', ...words, folder, {
        environment: { SSH_AUTH_SOCK: '' },
      });
      assert.equal(code, 1);
      assert.match(stderr, message);
    }
    assert.deepEqual(started(), []);
  });

  it("the agent of a client of BuildKit's protocol is reached through its session", async () => {
    const context = { Dockerfile: listing.replace(/RUN [^\n]*\/own\n$/, '') };
    const methods = { ...fileSync({ context, dockerfile: context }), ...forwarding(agent.socket) };
    await using client = await BuildkitClient.open(daemon.socket, methods);
    await client.solve({
      attributes: { 'no-cache': '' },
      exporters: [{ type: 'moby', attributes: { name: 'ssh:kit' } }],
    });
    const [, found] = (await daemon.ok('run', '--rm', 'ssh:kit', 'cat', '/keys')).split(' ');
    assert.equal(found, held.fingerprint);
  });

  it('a service of a compose file has agents, owners of secrets and privileges for its build', async () => {
    const folder = await folderOf('app', {
      'compose.yaml': `
name: keys
services:
  web:
    build:
      context: .
      ssh: [default, own=./key]
      entitlements: [security.insecure]
      secrets: [{ source: token, uid: "7", gid: "8", mode: 0440 }, plain]
    command: sleep 1000
    stop_grace_period: 0s
secrets:
  token: { file: ./token }
  plain: { file: ./token }
`,
      token: 'hidden',
      Dockerfile: `${listing}RUN --security=insecure grep CapEff /proc/self/status >/caps
RUN grep CapEff /proc/self/status >/usual
RUN --mount=type=secret,id=token --mount=type=secret,id=plain,mode=0404 \\
  stat -c '%u %g %a' /run/secrets/token /run/secrets/plain >/owners
`,
    });
    await cp(other.path, join(folder, 'key'));
    const up = await daemon.berth('up', '--yes', folder, { environment: { SSH_AUTH_SOCK: agent.socket } });
    assert.equal(up.code, 0, up.stderr);
    assert.doesNotMatch(up.stdout + up.stderr, /not honoured/);
    const cat = (...files: string[]): Promise<string> => daemon.ok('exec', 'keys-web-1', 'cat', ...files);
    const keys = (await cat('/keys', '/own')).split('\n').map((line) => line.split(' ')[1]);
    assert.deepEqual(keys, [held.fingerprint, other.fingerprint]);
    assert.equal(await cat('/owners'), '7 8 440\n0 0 404');
    assert.notEqual(await cat('/caps'), await cat('/usual'));
    assert.equal((await daemon.berth('down', 'keys')).code, 0);
    assert.deepEqual(started(), []);
  });
});
