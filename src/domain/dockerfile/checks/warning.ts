import type { Position } from '../source.ts';
import type { Written } from '../instruction.ts';
import { runs, type CheckOptions } from './options.ts';
import { urlOf, type Rule } from './rules.ts';

/** What a check found, in BuildKit's words. */
export interface Warning {
  rule: string;
  description: string;
  /** Of the rule's page; '' when it has none. */
  url: string;
  message: string;
  at: Position;
  /** The last source line. */
  endLine: number;
}

/** Takes what the checks find, by the options that are in force where they find it. */
export class Findings {
  readonly #options: CheckOptions;
  readonly #found: Warning[] = [];

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  /** `comments` are those of `written` unless others decide. */
  add(rule: Rule, written: Written, message: string, comments = written.comments): void {
    if (!runs(rule, this.#options, comments)) return;
    const { at, endLine = at.line } = written;
    const { name, description } = rule;
    this.#found.push({ rule: name, description, url: urlOf(rule), message, at, endLine });
  }

  /** By line. */
  all(): Warning[] {
    return this.#found.toSorted((one, other) => one.at.line - other.at.line);
  }
}
