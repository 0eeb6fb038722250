import { checkPattern, matchesPattern } from './names.ts';

/** Tags that name for good what they name: they are not moved to another manifest, and not removed. */
export interface ImmutableTags {
  /** Pattern of repositories. */
  repositories: string;
  /** Pattern of tags. */
  tags: string;
}

/** @throws invalid `registry-pattern-invalid` */
export function checkImmutable(rule: ImmutableTags): ImmutableTags {
  checkPattern(rule.repositories);
  checkPattern(rule.tags);
  return rule;
}

export function isImmutable(rules: readonly ImmutableTags[], repository: string, tag: string): boolean {
  return rules.some(
    (rule) => matchesPattern(rule.repositories, repository) && matchesPattern(rule.tags, tag),
  );
}
