import { invalid } from '#base/errors.ts';
import { nearest } from '#base/nearest.ts';
import type { Rule } from './rules.ts';

/** Which rules run, as `# check=skip=RULE,RULE;error=true;experimental=all` says. */
export interface CheckOptions {
  skip: 'all' | readonly string[];
  experimental: 'all' | readonly string[];
  /** A warning makes the build fail. */
  isError: boolean;
}

const standard: CheckOptions = { skip: [], experimental: [], isError: false };

/** @throws invalid `check-option-invalid` */
export function parseCheckOptions(text: string): CheckOptions {
  const options: CheckOptions = { ...standard };
  if (text.trim() === '') return options;
  for (const part of text.split(';')) {
    const equals = part.indexOf('=');
    const key = part.slice(0, Math.max(0, equals)).trim();
    const value = part.slice(equals + 1).trim();
    if (equals >= 0 && (key === 'skip' || key === 'experimental'))
      options[key] = value === 'all' ? 'all' : value.split(',').map((name) => name.trim());
    else if (equals >= 0 && key === 'error') options.isError = truth(part, value);
    else throw unknown(equals < 0 ? part.trim() : key);
  }
  return options;
}

function unknown(found: string): Error {
  const near = nearest(found, ['skip', 'error', 'experimental']);
  return invalid('check-option-invalid', `invalid check option "${found}"`, {
    hint: near === undefined ? 'write skip=RULE,RULE;error=true' : `did you mean '${near}='?`,
  });
}

function truth(part: string, value: string): boolean {
  if (/^(?:1|t|true)$/i.test(value)) return true;
  if (/^(?:0|f|false)$/i.test(value)) return false;
  throw invalid('check-option-invalid', `failed to parse check option "${part}"`, {
    hint: 'error is true or false',
  });
}

/** Whether a rule runs, by the file's options and those in the comments before an instruction. */
export function runs(rule: Rule, options: CheckOptions, comments: readonly string[] = []): boolean {
  const own = commentOptions(comments);
  const named = (list: 'all' | readonly string[]): boolean => list === 'all' || list.includes(rule.name);
  if (rule.isExperimental === true) return named(options.experimental) || named(own.experimental);
  return !named(options.skip) && !named(own.skip);
}

// `# check=skip=RULE` before an instruction; what cannot be read counts for nothing.
function commentOptions(comments: readonly string[]): CheckOptions {
  for (const comment of comments) {
    const text = /^check\s*=\s*(\S+)/i.exec(comment)?.[1];
    if (text === undefined) continue;
    try {
      return parseCheckOptions(text);
    } catch {
      return standard;
    }
  }
  return standard;
}
