import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { TestDaemon } from './daemon.ts';

/** One option of `docker run`, and how it shows inside the container or why it is refused. */
export interface OptionCase {
  /** Separated by spaces; a list where an option has spaces itself. */
  options: string | string[];
  /** Shell command in the container; absent: `true`. */
  run?: string;
  /** The whole output without its last newline, or a part of it. */
  shows?: string | RegExp;
  /** In the client's error output, of a command that fails or only warns. */
  says?: RegExp;
  /** 0 unless the case is about a refusal (125) or about the exit code. */
  code?: number;
}

/** A test for each case; `daemon` is called when they run. */
export function optionCases(daemon: () => TestDaemon, cases: OptionCase[]): void {
  for (const each of cases) {
    const options = typeof each.options === 'string' ? words(each.options) : each.options;
    it(`${options.join(' ') || 'no option'}: ${each.run ?? (each.code === 125 ? 'refused' : 'accepted')}`, async () => {
      const command = each.run === undefined ? ['true'] : ['sh', '-c', each.run];
      const result = await daemon().docker(
        'run',
        '--rm',
        ...networkOf(options),
        ...options,
        'busybox',
        ...command,
      );
      const shown = result.stdout.replace(/\n$/, '');
      assert.equal(result.code, each.code ?? 0, `${result.stderr}${shown}`);
      if (typeof each.shows === 'string') assert.equal(shown, each.shows);
      else if (each.shows !== undefined) assert.match(shown, each.shows);
      if (each.says !== undefined) assert.match(result.stderr, each.says);
    });
  }
}

/** Without a network a container starts faster; most options have nothing to do with it. */
function networkOf(options: string[]): string[] {
  return options.some((option) => /^(--(net|ip6?$|link|dns|mac|expose|publish|add-host)|-p$|-P)/.test(option))
    ? []
    : ['--network', 'none'];
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
