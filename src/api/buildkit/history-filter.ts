import type { SolveRecord } from '#engine/contracts.ts';
import { parseDuration } from '#domain/units/duration.ts';
import { invalid } from '#base/errors.ts';
import { own } from '#base/own.ts';

type Condition = (record: SolveRecord) => boolean;

/**
 * The filters of a request for the history, as buildx writes them: `ref~=a,status==completed`, `startedAt>=24h`. Any of the texts
 * may hold, with all of its conditions.
 * @param now milliseconds since 1970
 * @throws invalid `filter-invalid`
 */
export function historyFilter(filters: readonly string[], now: number): Condition {
  const alternatives = filters
    .filter((text) => text !== '')
    .map((text) => text.split(',').map((each) => conditionOf(each, now)));
  if (alternatives.length === 0) return () => true;
  return (record) => alternatives.some((conditions) => conditions.every((holds) => holds(record)));
}

const texts: Readonly<Record<string, (record: SolveRecord) => string>> = {
  ref: ({ ref }) => ref,
  status: statusOf,
  repository: ({ attributes }) => attributes['vcs:source'] ?? attributes['context'] ?? '',
};

function statusOf({ completed, failure }: SolveRecord): string {
  if (completed === undefined) return 'running';
  if (failure === undefined) return 'completed';
  return failure.message.includes('context canceled') ? 'canceled' : 'error';
}

/** Milliseconds: of a moment, or what it took. */
const times: Readonly<Record<string, (record: SolveRecord) => number>> = {
  startedAt: ({ created }) => created,
  completedAt: ({ completed = 0 }) => completed,
  duration: ({ created, completed = created }) => completed - created,
};

function conditionOf(text: string, now: number): Condition {
  const [, name = '', operator = '', given = ''] =
    /^([a-zA-Z]+)(~=|==|!=|>=|<=|=|>|<)(.*)$/s.exec(text.trim()) ?? [];
  const value = given.replace(/^"(.*)"$/s, '$1');
  const [textOf, timeOf] = [own(texts, name), own(times, name)];
  if (textOf !== undefined && /^(?:~=|==|!=|=)$/.test(operator)) {
    if (operator === '~=') return (record) => textOf(record).includes(value);
    return (record) => (textOf(record) === value) === (operator !== '!=');
  }
  if (timeOf === undefined || !/^[<>]=?$/.test(operator))
    throw invalid('filter-invalid', `invalid filter '${text}' of the history`, {
      hint: 'known are ref, status, repository (==, !=, ~=) and startedAt, completedAt, duration (<, <=, >, >=)',
    });
  const bound = boundOf(text, name, value, now);
  return (record) => compare(timeOf(record), operator, bound);
}

/** @throws invalid `filter-invalid` */
function boundOf(filter: string, name: string, value: string, now: number): number {
  const duration = parseDuration(value);
  if (duration !== undefined) return name === 'duration' ? duration / 1e6 : now - duration / 1e6;
  const moment = name === 'duration' ? Number.NaN : Date.parse(value);
  if (Number.isNaN(moment))
    throw invalid('filter-invalid', `invalid filter '${filter}' of the history: '${value}' is no time`);
  return moment;
}

function compare(found: number, operator: string, bound: number): boolean {
  if (operator === '>=') return found >= bound;
  if (operator === '<=') return found <= bound;
  return operator === '>' ? found > bound : found < bound;
}
