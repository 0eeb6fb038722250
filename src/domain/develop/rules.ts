import type { Hook, Service, WatchRule } from '#domain/app/model.ts';
import { ignorePatterns, ignoreRules, type IgnoreRules } from '#domain/build/ignore.ts';
import { invalid } from '#base/errors.ts';

/** A rule of `develop.watch`, ready to be asked about absolute, clean paths. */
export interface PathRule {
  service: string;
  action: WatchRule['action'];
  path: string;
  /** In the container; only of rules that copy. */
  target?: string;
  exec?: Hook;
  initialSync: boolean;
  /** Whether a change of the path is one for this rule. */
  matches: (path: string) => boolean;
  /** Whether the path may hold, or lead to, what the rule is about: a folder for which this is false is not looked into. */
  leadsTo: (path: string) => boolean;
}

/** What is read from disk for the rules of a service. */
export interface RuleFiles {
  /** The text of the build context's .dockerignore; undefined without one, or without a build. */
  dockerignore?: string | undefined;
  /** A path with its symbolic links resolved. */
  resolved: (path: string) => string;
}

export interface ReadRules {
  rules: PathRule[];
  /** Why a rule does nothing. */
  notes: string[];
}

/**
 * The rules of a service. One that copies what a bind mount brings in anyway is left out, with a note.
 * @throws invalid `watch-rebuild-impossible`, `pattern-invalid`
 */
export function pathRules(service: Service, files: RuleFiles): ReadRules {
  const leftOut = dockerignoreOf(service, files);
  const read: ReadRules = { rules: [], notes: [] };
  for (const rule of service.watch ?? []) {
    if (rule.action === 'rebuild' && service.build === undefined)
      throw invalid(
        'watch-rebuild-impossible',
        `the service ${service.name} is to be rebuilt when '${rule.path}' changes, but has no 'build'`,
      );
    const path = files.resolved(rule.path);
    if (copies(rule) && isBound(service, path, files))
      read.notes.push(`${service.name}: '${path}' is a bind mount of the service already: it is not watched`);
    else read.rules.push(pathRule(service.name, { ...rule, path }, leftOut));
  }
  return read;
}

export function copies({ action }: Pick<WatchRule, 'action'>): boolean {
  return action.startsWith('sync');
}

/** The part of `path` below `folder`: '' for the folder itself, undefined for what is not in it. */
export function below(folder: string, path: string): string | undefined {
  if (path === folder) return '';
  const prefix = folder === '/' ? '/' : `${folder}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
}

/** What the .dockerignore says about absolute paths. */
type LeftOut = Pick<IgnoreRules, 'ignores' | 'hasExceptions'>;

function pathRule(service: string, rule: WatchRule, leftOut: LeftOut): PathRule {
  const { action, path: root, target, exec, initialSync } = rule;
  const ignored = ignoreRules(rule.ignore);
  const included = rule.include.length === 0 ? undefined : ignoreRules(rule.include);
  const isIgnored = (path: string, relative: string): boolean =>
    isScrap(relative) || leftOut.ignores(path) || (relative !== '' && ignored.ignores(relative));
  return {
    ...{ service, action, path: root, initialSync },
    ...(copies(rule) && target !== undefined ? { target } : {}),
    ...(action === 'sync+exec' && exec !== undefined ? { exec } : {}),
    matches: (path) => {
      const relative = below(root, path);
      if (relative === undefined || isIgnored(path, relative)) return false;
      return included === undefined || relative === '' || included.ignores(relative);
    },
    leadsTo: (path) => {
      const relative = below(root, path);
      if (relative === undefined) return below(path, root) !== undefined;
      // Below an ignored folder an exception may take something in again.
      return ignored.hasExceptions || leftOut.hasExceptions ? !isScrap(relative) : !isIgnored(path, relative);
    },
  };
}

/** As Docker Compose reads it: `*` alone leaves nothing out of what is watched. */
function dockerignoreOf(service: Service, { dockerignore, resolved }: RuleFiles): LeftOut {
  const context = service.build?.context;
  if (context === undefined || dockerignore === undefined)
    return { ignores: () => false, hasExceptions: false };
  const folder = resolved(context);
  const patterns = ignorePatterns(dockerignore);
  const rules = ignoreRules(
    patterns.includes('*') ? patterns.filter((one) => one.startsWith('!')) : patterns,
  );
  return {
    hasExceptions: rules.hasExceptions,
    ignores: (path) => {
      const relative = below(folder, path);
      return relative !== undefined && relative !== '' && rules.ignores(relative);
    },
  };
}

function isBound({ mounts }: Service, path: string, { resolved }: RuleFiles): boolean {
  return mounts.some(({ type, source }) => type === 'bind' && below(resolved(source), path) !== undefined);
}

// Vim's swap, test and backup files, Emacs' locks, the drafts of JetBrains' editors.
const scrap = /^(?:4913|.*~|\..*\.sw[nopx]|\.#.*|.*___jb_(?:old|tmp)___|\.git|\.idea)$/;

/** What editors and git leave beside the files that people work on. */
function isScrap(relative: string): boolean {
  return relative.split('/').some((part) => scrap.test(part));
}
