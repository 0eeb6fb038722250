import { isSurprise, type Outcome } from './checks.ts';

export interface ClientReport {
  client: string;
  version: string;
  outcomes: readonly Outcome[];
}

const begin = '<!-- written by npm run test:clients: begin -->';
const end = '<!-- written by npm run test:clients: end -->';

/**
 * The page with the reports between its markers.
 * @throws when the page lacks a marker
 */
export function withReports(page: string, reports: readonly ClientReport[]): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`write the table of clients: the page lacks '${begin}' or '${end}'`);
  return `${page.slice(0, from + begin.length)}\n\n${textOf(reports)}\n\n${page.slice(to)}`;
}

function textOf(reports: readonly ClientReport[]): string {
  const rows = reports.map(
    (report) =>
      `| ${report.client} | ${cell(report.version)} | ${report.outcomes.length} | ${passed(report)} | ${cell(failures(report))} |`,
  );
  // Several versions of a client are asked the same, but for what only one of them knows.
  const exercised = [...new Set(reports.map(({ client }) => client))].map((client) => {
    const checks = reports.flatMap((each) => (each.client === client ? each.outcomes : []));
    return `- **${client}**: ${[...new Set(checks.map(({ check }) => check))].join('; ')}.`;
  });
  const head = ['| client | version | checks | passed | could not do |', '| --- | --- | --- | --- | --- |'];
  return [...head, ...rows, '', 'What each was asked:', '', ...exercised].join('\n');
}

function passed({ outcomes }: ClientReport): number {
  return outcomes.filter(({ error }) => error === undefined).length;
}

function failures({ outcomes }: ClientReport): string {
  const texts = outcomes.flatMap((outcome) => {
    if (isSurprise(outcome)) return [`${outcome.check}: **${outcome.error ?? 'works, and should not'}**`];
    return outcome.limit === undefined ? [] : [`${outcome.check}: ${outcome.limit}`];
  });
  return texts.length === 0 ? 'nothing' : texts.join('; ');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
}
