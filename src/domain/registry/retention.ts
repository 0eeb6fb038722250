import { invalid } from '#base/errors.ts';
import { checkPattern, matchesPattern } from './names.ts';

const dayMs = 86_400_000;

/** Which tags of which repositories go. A tag goes when one rule says so, never when it runs, could be gone back to, or is immutable. */
export interface RetentionRule {
  /** Pattern of repositories; one rule each. */
  repositories: string;
  /** Pattern of tags that the rule is about. */
  tags: string;
  /** The newest so many of these tags stay whatever else the rule says. */
  keepLast?: number;
  /** Days since the push. Without it and `unusedFor`, all that `keepLast` does not keep goes. */
  olderThan?: number;
  /** Days since the last pull or, without one, the push. */
  unusedFor?: number;
}

export interface TagFacts {
  repository: string;
  tag: string;
  /** Milliseconds since 1970. */
  pushed: number;
  used: number;
  /** A container or a rollback needs what it names, or it is immutable. */
  isNeeded: boolean;
}

export interface Expired {
  repository: string;
  tag: string;
  /** The pattern of the rule. */
  rule: string;
  why: string;
}

/** @throws invalid `registry-pattern-invalid`, `registry-rule-invalid` */
export function checkRule(rule: RetentionRule): RetentionRule {
  checkPattern(rule.repositories);
  checkPattern(rule.tags);
  if (rule.keepLast === undefined && rule.olderThan === undefined && rule.unusedFor === undefined)
    throw invalid(
      'registry-rule-invalid',
      `a rule for '${rule.repositories}' says neither what to keep nor what is old`,
      {
        hint: 'give --keep-last, --older-than or --unused-for',
      },
    );
  return rule;
}

/** The tags that go now. */
export function expiredTags(
  tags: readonly TagFacts[],
  rules: readonly RetentionRule[],
  now: number,
): Expired[] {
  const expired = new Map<string, Expired>();
  for (const rule of rules)
    for (const group of byRepository(tags.filter((tag) => isAbout(rule, tag))))
      for (const one of expiredOf(group, rule, now)) expired.set(`${one.repository}:${one.tag}`, one);
  return [...expired.values()];
}

function isAbout(rule: RetentionRule, { repository, tag }: TagFacts): boolean {
  return matchesPattern(rule.repositories, repository) && matchesPattern(rule.tags, tag);
}

function byRepository(tags: readonly TagFacts[]): TagFacts[][] {
  const groups = new Map<string, TagFacts[]>();
  for (const tag of tags) groups.set(tag.repository, [...(groups.get(tag.repository) ?? []), tag]);
  return [...groups.values()];
}

function expiredOf(tags: readonly TagFacts[], rule: RetentionRule, now: number): Expired[] {
  const newestFirst = tags.toSorted((a, b) => b.pushed - a.pushed || (a.tag < b.tag ? -1 : 1));
  return newestFirst.slice(rule.keepLast ?? 0).flatMap((tag) => {
    const why = reason(tag, rule, now);
    if (why === undefined || tag.isNeeded) return [];
    return [{ repository: tag.repository, tag: tag.tag, rule: rule.repositories, why }];
  });
}

function reason(
  tag: TagFacts,
  { keepLast, olderThan, unusedFor }: RetentionRule,
  now: number,
): string | undefined {
  if (olderThan === undefined && unusedFor === undefined) return `beyond the newest ${keepLast ?? 0}`;
  if (olderThan !== undefined && now - tag.pushed > olderThan * dayMs) return `older than ${olderThan} days`;
  if (unusedFor !== undefined && now - tag.used > unusedFor * dayMs) return `unused for ${unusedFor} days`;
  return undefined;
}
