import type {
  AppDifferenceAnswer,
  DifferenceAnswer,
  ServicePlanAnswer,
  SharedDifferenceAnswer,
} from '#api/types/app-history.ts';
import type { Paint } from './report.ts';

// What differs, as lines for people: `+` comes, `-` goes, `~` changes.

const signs = { added: '+', removed: '-', changed: '~' } as const;
const colours = { '+': 'green', '-': 'red', '~': 'yellow' } as const;

export function differenceLines({ services, shared }: AppDifferenceAnswer, paint: Paint): string[] {
  if (services.length + shared.length === 0) return ['  nothing'];
  return [
    ...services.flatMap(({ service, kind, differences }) => [
      `  ${signed(signs[kind], paint)} ${service}${kind === 'changed' ? '' : `: ${kind}`}`,
      ...differences.flatMap((one) => settingLines(one, paint)),
    ]),
    ...sharedLines(shared, paint),
  ];
}

/** What becomes of each service, and why; those that stay in one line. */
export function servicePlanLines(
  services: readonly ServicePlanAnswer[],
  shared: readonly SharedDifferenceAnswer[],
  paint: Paint,
): string[] {
  const kept = services.filter((one) => one.action === 'keep').map((one) => one.service);
  return [
    ...services
      .filter((one) => one.action !== 'keep')
      .flatMap((one) => [
        `  ${signed(signOf(one), paint)} ${one.service}: ${actionWords(one)}`,
        ...one.differences.flatMap((each) => settingLines(each, paint)),
      ]),
    ...sharedLines(shared, paint),
    ...(kept.length === 0 ? [] : [`    ${paint('dim', `as it is: ${kept.join(', ')}`)}`]),
  ];
}

function signOf({ action }: ServicePlanAnswer): keyof typeof colours {
  if (action === 'create' || action === 'start') return '+';
  return action === 'remove' || action === 'stop' ? '-' : '~';
}

function actionWords({ action, made, order, because, reason, differences }: ServicePlanAnswer): string {
  // What the differences say need not be said again.
  const why = differences.length > 0 || reason === 'new' || reason === '' ? '' : ` (${reason})`;
  switch (action) {
    case 'create':
      return `new${why}`;
    case 'replace': {
      const containers = made === 1 ? '1 container' : `${made} containers`;
      return `${containers} replaced, ${order ?? 'start-first'}${because === undefined ? '' : `: ${because}`}${why}`;
    }
    case 'image':
      return `its image is made or pulled (${reason}); replaced if that is another one`;
    case 'scale':
      return `scaled${why}`;
    case 'start':
      return `started${why}`;
    case 'stop':
      return `stopped${why}`;
    case 'remove':
      return `removed${why}`;
    case 'settings':
      return `changed in place${why}`;
    case 'keep':
      return 'as it is';
  }
}

function settingLines(difference: DifferenceAnswer, paint: Paint): string[] {
  const { setting, key, kind, before, after, lines = [] } = difference;
  const sign = signed(signs[kind], paint);
  const name = key === undefined ? setting : `${setting} ${key}`;
  return [
    `      ${sign} ${name}${valueWords(before, after)}`,
    ...lines.map((line) => `          ${painted(line, paint)}`),
  ];
}

function valueWords(before: string | undefined, after: string | undefined): string {
  if (before !== undefined && after !== undefined) return `: ${shortened(before)} -> ${shortened(after)}`;
  const [value = after] = [before];
  return value === undefined ? '' : `: ${shortened(value)}`;
}

/** As much of a digest as tells it apart. */
function shortened(text: string): string {
  return text.replace(/^(sha256:[0-9a-f]{12})[0-9a-f]+$/, '$1');
}

function sharedLines(shared: readonly SharedDifferenceAnswer[], paint: Paint): string[] {
  return shared.map(({ noun, key, kind }) => `  ${signed(signs[kind], paint)} ${noun} ${key}`);
}

function painted(line: string, paint: Paint): string {
  if (line.startsWith('+')) return paint('green', line);
  return line.startsWith('-') ? paint('red', line) : paint('dim', line);
}

function signed(sign: keyof typeof colours, paint: Paint): string {
  return paint(colours[sign], sign);
}
