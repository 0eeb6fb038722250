import { invalid } from '#base/errors.ts';
import { checkPattern, isRepositoryName, matchesPattern } from './names.ts';

export const actions = ['pull', 'push', 'delete'] as const;
export type Action = (typeof actions)[number];

/** What may be done with the repositories that fit a pattern. */
export interface Right {
  repositories: string;
  actions: Action[];
}

/** @throws invalid `registry-pattern-invalid`, `registry-action-invalid` */
export function checkRight({
  repositories,
  actions: words,
}: {
  repositories: string;
  actions: string[];
}): Right {
  const granted = [...new Set(words)].map((word) => {
    const action = actions.find((known) => known === word);
    if (action !== undefined) return action;
    throw invalid('registry-action-invalid', `'${word}' is not one of ${actions.join(', ')}`);
  });
  if (granted.length === 0)
    throw invalid('registry-action-invalid', `found no action; required are some of ${actions.join(', ')}`);
  return { repositories: checkPattern(repositories), actions: granted };
}

export function allows(rights: readonly Right[], repository: string, action: Action): boolean {
  return rights.some(
    (right) => right.actions.includes(action) && matchesPattern(right.repositories, repository),
  );
}

/** What a token is asked for: `repository:team/app:pull,push`. */
export interface TokenScope {
  repository: string;
  actions: Action[];
}

/**
 * The scopes of a token request (distribution, "Token Scope Documentation"), several in one parameter or in many. Other
 * resources than repositories, and other actions than ours, are left out: a token without them is what was asked for.
 */
export function parseScopes(parameters: readonly string[]): TokenScope[] {
  return parameters
    .flatMap((parameter) => parameter.split(' '))
    .flatMap((scope) => {
      const [, repository = '', words = ''] = /^repository(?:\([^)]*\))?:([^:]+):([^:]*)$/.exec(scope) ?? [];
      if (!isRepositoryName(repository)) return [];
      const wanted =
        words === '*' ? [...actions] : actions.filter((action) => words.split(',').includes(action));
      return [{ repository, actions: wanted }];
    });
}

/** What of the scopes the rights allow. */
export function grantedScopes(rights: readonly Right[], scopes: readonly TokenScope[]): TokenScope[] {
  return scopes.map((scope) => ({
    repository: scope.repository,
    actions: scope.actions.filter((action) => allows(rights, scope.repository, action)),
  }));
}
