import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestDaemon } from '../support/daemon.ts';
import { run } from '../support/docker.ts';
import { Checks } from './checks.ts';
import { linkPlugin, npmClients } from './install.ts';
import { npmVersion } from './programs.ts';

/** The devcontainers CLI: dev containers from an image, from a Dockerfile, and from a compose file. */
export async function checkDevcontainers(daemon: TestDaemon): Promise<Checks> {
  const modules = await npmClients();
  await linkPlugin(daemon, 'docker-compose');
  await daemon.ok('pull', base);
  const checks = new Checks('devcontainers CLI', await npmVersion(modules, '@devcontainers/cli'));
  const cli = join(modules, 'node_modules/@devcontainers/cli/devcontainer.js');
  const devcontainer = async (folder: string, command: string, ...args: string[]): Promise<string> => {
    const environment = { ...daemon.environment, DOCKER_BUILDKIT: '0' };
    const words = [cli, command, '--workspace-folder', folder, ...args];
    const { code, stdout, stderr } = await run(process.execPath, words, { environment });
    assert.equal(code, 0, `devcontainer ${command}: ${stdout}${stderr}`);
    return stdout;
  };
  for (const { name, files } of kinds)
    await checks.check(`up and exec, ${name}`, async () => {
      const folder = join(daemon.folder, name.replaceAll(' ', '-'));
      await mkdir(join(folder, '.devcontainer'), { recursive: true });
      for (const [file, content] of Object.entries(files))
        await writeFile(join(folder, '.devcontainer', file), content);
      await writeFile(join(folder, 'source'), 'of the workspace\n');
      assert.match(await devcontainer(folder, 'up'), /"outcome":"success"/);
      const command = 'cat source /tmp/made; echo $WORD; touch written';
      assert.equal(
        await devcontainer(folder, 'exec', 'sh', '-c', command),
        'of the workspace\nmade\ngiven\n',
      );
      assert.equal(await readFile(join(folder, 'written'), 'utf8'), '');
      assert.match(await devcontainer(folder, 'up'), /"outcome":"success"/);
    });
  await checks.check('read-configuration', async () => {
    const shown = await devcontainer(join(daemon.folder, 'from-an-image'), 'read-configuration');
    assert.match(shown, /"postCreateCommand":"echo made >\/tmp\/made"/);
  });
  return checks;
}

const base = 'debian.berth/base:bookworm';
const shared = {
  remoteUser: 'root',
  postCreateCommand: 'echo made >/tmp/made',
  updateRemoteUserUID: false,
};

const kinds: { name: string; files: Record<string, string> }[] = [
  {
    name: 'from an image',
    files: {
      'devcontainer.json': JSON.stringify({ ...shared, image: base, containerEnv: { WORD: 'given' } }),
    },
  },
  {
    name: 'from a Dockerfile',
    files: {
      'devcontainer.json': JSON.stringify({
        ...shared,
        build: { dockerfile: 'Dockerfile', args: { WORD: 'given' } },
      }),
      Dockerfile: `FROM ${base}\nARG WORD\nENV WORD=$WORD\n`,
    },
  },
  {
    name: 'from a compose file',
    files: {
      'devcontainer.json': JSON.stringify({
        ...shared,
        dockerComposeFile: 'compose.yaml',
        service: 'dev',
        workspaceFolder: '/workspace',
      }),
      'compose.yaml': `services:
  dev:
    image: ${base}
    command: sleep infinity
    init: true
    environment: { WORD: given }
    volumes: ["..:/workspace"]
`,
    },
  },
];
