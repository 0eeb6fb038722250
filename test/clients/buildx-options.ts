import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startRegistry } from '../support/registry.ts';
import type { Checks } from './checks.ts';
import type { DockerCommand } from './client-command.ts';

/** A folder of its own with a Dockerfile, and `docker buildx build` of it, which gives what it told. */
class Project {
  readonly folder: string;
  readonly #docker: DockerCommand;

  constructor(docker: DockerCommand, folder: string) {
    this.#docker = docker;
    this.folder = folder;
  }

  async write(dockerfile: string): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await writeFile(join(this.folder, 'Dockerfile'), dockerfile);
  }

  async build(...args: string[]): Promise<string> {
    const words = ['buildx', 'build', '--progress=plain', ...args, '.'];
    const { code, stderr } = await this.#docker.run(...words, { cwd: this.folder });
    assert.equal(code, 0, `docker ${words.join(' ')}: ${stderr}`);
    return stderr;
  }

  /** Without what the engine itself has kept: only a cache elsewhere can spare the steps. */
  async buildAnew(...args: string[]): Promise<string> {
    await this.#docker.ok('buildx', 'prune', '--all', '--force');
    return this.build(...args);
  }
}

/** Caches, contexts and times of builds, and what is asked of a Dockerfile without building it. */
export async function checkBuildxOptions(
  checks: Checks,
  docker: DockerCommand,
  folder: string,
): Promise<void> {
  const project = new Project(docker, join(folder, 'options'));
  await checkCaches(checks, project, join(folder, 'cache'));
  await checkContexts(checks, docker, project);
  await checkQuestions(checks, docker, project);
}

async function checkCaches(checks: Checks, project: Project, cache: string): Promise<void> {
  const cached = /RUN echo kept >\/kept\n#\d+ CACHED/;
  await checks.check('--cache-to and --cache-from of type registry, local and inline', async () => {
    await using registry = await startRegistry();
    await project.write('FROM busybox\nRUN echo kept >/kept\n');
    const places = [
      [`type=registry,ref=${registry.host}/cache:1,mode=max`, `type=registry,ref=${registry.host}/cache:1`],
      [`type=local,dest=${cache}`, `type=local,src=${cache}`],
      ['type=inline', `${registry.host}/image:1`],
    ] as const;
    for (const [to, from] of places) {
      await project.buildAnew('--cache-to', to, ...(to === 'type=inline' ? ['--push', '-t', from] : []));
      assert.doesNotMatch(await project.buildAnew(), cached);
      assert.match(await project.buildAnew('--cache-from', from), cached);
    }
    assert.match(await project.build('--cache-from', `${registry.host}/none:1`), /importing cache [^]*ERROR/);
  });
}

async function checkContexts(checks: Checks, docker: DockerCommand, project: Project): Promise<void> {
  await checks.check('--build-context of a folder and an image, --no-cache-filter', async () => {
    await project.write('FROM base AS one\nCOPY --from=more f /f\nRUN date +%s%N >/time\n');
    const more = join(project.folder, '../more');
    await mkdir(more, { recursive: true });
    await writeFile(join(more, 'f'), 'of the folder');
    const contexts = ['--build-context', `more=${more}`, '--build-context', 'base=docker-image://busybox'];
    const timeOf = async (...args: string[]): Promise<string> => {
      await project.build(...contexts, ...args, '--load', '-t', 'kit:contexts');
      return docker.ok('run', '--rm', 'kit:contexts', 'cat', '/time');
    };
    const first = await timeOf();
    assert.equal(await docker.ok('run', '--rm', 'kit:contexts', 'cat', '/f'), 'of the folder');
    assert.equal(await timeOf('--no-cache-filter', 'other'), first);
    assert.notEqual(await timeOf('--no-cache-filter', 'one'), first);
  });
  await checks.check('SOURCE_DATE_EPOCH makes two builds the same', async () => {
    await project.write('FROM busybox\nRUN echo made >/made\n');
    const file = join(project.folder, '../epoch-id');
    const ids: string[] = [];
    for (const epoch of ['1700000000', '1700000000', '1600000000']) {
      await project.build('--no-cache', '--build-arg', `SOURCE_DATE_EPOCH=${epoch}`, '--iidfile', file);
      ids.push(await readFile(file, 'utf8'));
    }
    assert.equal(ids[0], ids[1]);
    assert.notEqual(ids[0], ids[2]);
  });
}

async function checkQuestions(checks: Checks, docker: DockerCommand, project: Project): Promise<void> {
  const { stdout: options } = await docker.run('buildx', 'build', '--help');
  // Older versions have `--print` instead, as an experiment, and cannot check.
  const call = options.includes('--call') ? '--call' : '--print';
  const ask = (...args: string[]) =>
    docker.run('buildx', 'build', ...args, '.', {
      cwd: project.folder,
      environment: args[0]?.startsWith('--print') === true ? { BUILDX_EXPERIMENTAL: '1' } : {},
    });
  const text = 'FROM busybox AS one\nARG WORD=own\nRUN --mount=type=secret,id=s true\nFROM one as two\n';
  await checks.check('what a target takes, and which there are (--call, --print)', async () => {
    await project.write(text);
    const outline = await ask(`${call}=outline`, '--target', 'one');
    assert.match(outline.stdout, /TARGET: +one\n[^]*WORD +own[^]*SECRET +REQUIRED\ns /);
    assert.match((await ask(`${call}=targets`)).stdout, /^two \(default\)/m);
  });
  if (options.includes('--check'))
    await checks.check('--check', async () => {
      const { code, stdout } = await ask('--check');
      assert.equal(code, 1);
      assert.match(stdout, /1 warning has been found![^]*FromAsCasing[^]* {3}4 \| >>> FROM one as two/);
      await project.write('FROM busybox\n');
      assert.match((await ask('--check')).stdout, /no warnings found/);
    });
  await checks.check('the line that failed is shown', async () => {
    await project.write('FROM busybox\nRUN exit 3\n');
    assert.match((await ask()).stderr, /Dockerfile:2\n-+\n[^]* {3}2 \| >>> RUN exit 3\n/);
    await project.write('FROM busybox\nRNU x\n');
    assert.match((await ask()).stderr, /Dockerfile:2\n-+\n[^]*>>> RNU x\n[^]*did you mean 'RUN'/);
  });
  const { stdout: commands } = await docker.run('buildx', '--help');
  if (commands.includes('history'))
    await checks.check('history ls, inspect, logs, trace', async () => {
      await project.write('FROM busybox\nRUN echo remembered\n');
      await project.build('--no-cache');
      assert.match(await docker.ok('buildx', 'history', 'ls'), /Completed/);
      assert.match(await docker.ok('buildx', 'history', 'inspect'), /Build Steps:\s+\d+\/\d+/);
      if ((await docker.ok('buildx', 'history', '--help')).includes('  trace'))
        assert.match(
          await docker.ok('buildx', 'history', 'trace'),
          /"operationName": ".*RUN echo remembered"/,
        );
      assert.match(
        (await docker.run('buildx', 'history', 'logs', '--progress=plain')).stderr,
        /remembered\n/,
      );
    });
}
