import { cleanPath } from '#domain/build/path.ts';
import { parseExposed } from '#domain/build/ports.ts';
import type { IgnoreRules } from '#domain/build/ignore.ts';
import { nearest } from '#base/nearest.ts';
import type { Instruction, Named } from '../instruction.ts';
import { rules } from './rules.ts';
import type { Reading, Scope } from './scope.ts';
import type { Findings } from './warning.ts';
import { keywordOf } from './writing.ts';

// What can be said of an instruction once its variables are known.

const secret = /(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)/i;
const harmless = /(?:_|^)(?:public|file|version)(?:_|$)/i;

/** The checks of one stage, instruction after instruction. */
export class StageChecks {
  readonly #findings: Findings;
  readonly #scope: Scope;
  readonly #ignore: IgnoreRules | undefined;
  /** Instructions of which only the last one counts. */
  readonly #last = new Map<string, Instruction>();

  constructor(findings: Findings, scope: Scope, ignore: IgnoreRules | undefined) {
    this.#findings = findings;
    this.#scope = scope;
    this.#ignore = ignore;
  }

  /** @throws invalid `dockerfile-invalid`, MountError */
  check(instruction: Instruction): void {
    const reading = this.#scope.read(instruction);
    this.#checkVariables(instruction, reading);
    switch (instruction.name) {
      case 'ENV':
      case 'LABEL':
        this.#checkPairs(instruction);
        break;
      case 'ARG':
        for (const { name } of instruction.args) this.#checkSecret(instruction, name);
        break;
      case 'WORKDIR':
        this.#checkWorkdir(instruction, reading.words[0] ?? '');
        break;
      case 'CMD':
      case 'ENTRYPOINT':
      case 'HEALTHCHECK':
        this.#checkOnce(instruction);
        break;
      case 'EXPOSE':
        for (const word of reading.words) this.#checkPort(instruction, word);
        break;
      case 'COPY':
      case 'ADD':
        for (const path of reading.words) this.#checkPath(instruction, path);
        break;
      default:
    }
  }

  #checkVariables(instruction: Instruction, { undefinedNames }: Reading): void {
    const known = this.#scope.names();
    for (const name of undefinedNames.flat()) {
      const near = nearest(name, known);
      const hint = near === undefined ? '' : ` (did you mean $${near}?)`;
      this.#findings.add(rules.undefinedVar, instruction, `Usage of undefined variable '$${name}'${hint}`);
    }
  }

  #checkPairs(instruction: Named<'ENV' | 'LABEL'>): void {
    const keyword = keywordOf(instruction);
    for (const { name } of instruction.pairs) {
      if (instruction.legacy === true) {
        const message = `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`;
        this.#findings.add(rules.legacyKeyValueFormat, instruction, message);
      }
      if (instruction.name === 'ENV') this.#checkSecret(instruction, name);
    }
  }

  #checkSecret(instruction: Instruction, name: string): void {
    if (!secret.test(name) || harmless.test(name)) return;
    const message = `Do not use ARG or ENV instructions for sensitive data (${instruction.name} "${name}")`;
    this.#findings.add(rules.secretsUsedInArgOrEnv, instruction, message);
  }

  // One absolute WORKDIR of this file makes all that follow safe; so does fixing the first one.
  #checkWorkdir(instruction: Instruction, path: string): void {
    if (!this.#scope.hasWorkdir && !path.startsWith('/'))
      this.#findings.add(
        rules.workdirRelativePath,
        instruction,
        `Relative workdir "${path}" can have unexpected results if the base image changes`,
      );
    this.#scope.hasWorkdir = true;
  }

  // The one that does not count is what is pointed at.
  #checkOnce(instruction: Named<'CMD' | 'ENTRYPOINT' | 'HEALTHCHECK'>): void {
    if (instruction.name !== 'HEALTHCHECK') this.#checkCommand(instruction);
    const before = this.#last.get(instruction.name);
    this.#last.set(instruction.name, instruction);
    if (before === undefined) return;
    const message = `Multiple ${keywordOf(instruction)} instructions should not be used in the same stage because only the last one will be used`;
    this.#findings.add(rules.multipleInstructionsDisallowed, before, message, instruction.comments ?? []);
  }

  #checkCommand(instruction: Named<'CMD' | 'ENTRYPOINT'>): void {
    if (instruction.command.form === 'exec' || this.#scope.hasShell) return;
    const message = `JSON arguments recommended for ${keywordOf(instruction)} to prevent unintended behavior related to OS signals`;
    this.#findings.add(rules.jsonArgsRecommended, instruction, message);
  }

  #checkPort(instruction: Instruction, word: string): void {
    const { protocol, hasHost } = parseExposed(word);
    if (protocol !== protocol.toLowerCase())
      this.#findings.add(
        rules.exposeProtoCasing,
        instruction,
        `Defined protocol '${word}' in EXPOSE instruction should be lowercase`,
      );
    if (hasHost)
      this.#findings.add(
        rules.exposeInvalidFormat,
        instruction,
        `EXPOSE instruction should not define an IP address or host-port mapping, found '${word}'`,
      );
  }

  // Exceptions make it hard to say what is left of a folder, so that nothing is said then.
  #checkPath(instruction: Named<'COPY' | 'ADD'>, path: string): void {
    const ignore = this.#ignore;
    if (instruction.from !== undefined || ignore === undefined || ignore.hasExceptions) return;
    if (/^(?:[a-z]+:\/\/|git@)/.test(path)) return;
    const clean = cleanPath(path).replace(/^\/(?=.)/, '');
    const isRoot = clean === '.' || clean === '/';
    if (isRoot ? !ignore.leavesOutAll : !ignore.ignores(clean)) return;
    const verb = instruction.name === 'COPY' ? 'Copy' : 'Add';
    const message = `Attempting to ${verb} file "${clean}" that is excluded by .dockerignore`;
    this.#findings.add(rules.copyIgnoredFile, instruction, message);
  }
}
