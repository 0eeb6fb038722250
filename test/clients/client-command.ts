import assert from 'node:assert/strict';
import type { TestDaemon } from '../support/daemon.ts';
import { run, type RunOptions, type RunResult } from '../support/docker.ts';

/** Docker's short words for commands of its groups. */
const shortWords: Readonly<Record<string, string>> = {
  ps: 'container ls',
  images: 'image ls',
  rmi: 'image rm',
  events: 'system events',
  info: 'system info',
};

/** Runs `docker`, and remembers which of its commands were run. */
export class DockerCommand {
  readonly #environment: Record<string, string>;
  readonly #used = new Set<string>();

  constructor(daemon: TestDaemon) {
    this.#environment = { ...daemon.environment, DOCKER_BUILDKIT: '0', DOCKER_CLI_HINTS: 'false' };
  }

  run(...words: (string | RunOptions)[]): Promise<RunResult> {
    const options = words.find((word) => typeof word !== 'string') ?? {};
    const args = words.filter((word) => typeof word === 'string');
    this.note(...args);
    const environment = { ...this.#environment, ...options.environment };
    return run('docker', args, { ...options, environment });
  }

  /** These words were run; options before a command of a group do not count. */
  note(...args: string[]): void {
    this.#used.add(args[0] ?? '');
    for (const arg of args.slice(1)) this.#used.add(`${args[0] ?? ''} ${arg}`);
  }

  /** Fails unless the client exits with 0. Gives stdout without its last newline. */
  async ok(...words: (string | RunOptions)[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...words);
    const shown = words.filter((word) => typeof word === 'string').join(' ');
    assert.equal(code, 0, `docker ${shown}: exit code ${code}: ${stderr}${stdout}`);
    return stdout.replace(/\n$/, '');
  }

  /** Fails unless the client fails with these words. */
  async refused(words: RegExp, ...args: string[]): Promise<void> {
    const { code, stdout, stderr } = await this.run(...args);
    assert.notEqual(code, 0, `docker ${args.join(' ')} should fail and gave: ${stdout}`);
    assert.match(stderr, words);
  }

  /** Whether the help of a group ('' for the top) names a command: clients of other versions have others. */
  async knows(group: string, command: string): Promise<boolean> {
    const { stdout } = await this.run(...(group === '' ? ['--help'] : [group, '--help']));
    return new RegExp(`^ {2}${command}\\*? `, 'm').test(stdout);
  }

  /** Commands of these groups ('' for the top) that its own help names and that were not run. */
  async untried(groups: readonly string[]): Promise<string[]> {
    const all = new Map<string, string[]>();
    for (const group of groups) all.set(group, await this.#commandsOf(group));
    const grouped = [...all].flatMap(([group, names]) =>
      group === '' ? [] : names.map((name) => `${group} ${name}`),
    );
    const top = (all.get('') ?? []).filter((name) =>
      longForms(name).every((form) => !grouped.includes(form)),
    );
    const used = new Set([...this.#used].flatMap((words) => [words, ...longForms(words)]));
    return [...grouped, ...top].filter((command) => !used.has(command));
  }

  async #commandsOf(group: string): Promise<string[]> {
    const { stdout } = await this.run(...(group === '' ? ['--help'] : [group, '--help']));
    return [...stdout.matchAll(/^(.*) ?Commands:\n((?: {2}\S.*\n)+)/gm)]
      .filter(([, title = '']) => !/Management|Swarm/.test(title))
      .flatMap(([, , lines = '']) => [...lines.matchAll(/^ {2}([a-z]+)/gm)].map(([, name = '']) => name));
  }
}

/** `run` is `container run`, and `tag` is `image tag`: what the groups call a command of the top. */
function longForms(word: string): string[] {
  const long = shortWords[word];
  return long === undefined ? [`container ${word}`, `image ${word}`] : [long];
}
