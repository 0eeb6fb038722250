import { invalid } from '#base/errors.ts';

const adjectives = (
  'able agile amber awake balmy bold brave breezy bright brisk calm candid clever cosmic crisp curious dapper daring ' +
  'deft eager earnest elated fair fearless festive fluent fond frosty gallant gentle glad golden hardy hearty honest ' +
  'hopeful humble jolly jovial keen kind lively loyal lucid mellow merry mild modest neat nimble noble patient plucky ' +
  'polite proud quick quiet ready robust serene sharp silent sincere snowy sober steady sunny swift tender tidy upbeat ' +
  'valiant vivid warm wise witty zesty'
).split(' ');

const sailors = (
  'amundsen anson barents baret beaufort bering blackburn bligh bougainville byron cabot cabral cartier cavendish ' +
  'chichester columbus cook crozier dampier davis dias drake earhart ellsworth eriksson fitzroy flinders franklin ' +
  'frobisher gama gatty halley heyerdahl hudson hunt johnson joyon knox laperouse macarthur magellan mallory marchand ' +
  'moitessier nansen nelson parry peary pytheas riesenberg ross scoresby shackleton slocum tabarly tasman torres ' +
  'vancouver vespucci wallis weddell wilkes worsley zheng'
).split(' ');

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** @param pick gives an integer from 0 up to, not including, its argument */
export function randomName(pick: (below: number) => number): string {
  return `${adjectives[pick(adjectives.length)] ?? ''}_${sailors[pick(sailors.length)] ?? ''}`;
}

/**
 * A name as a request gives it, without its leading slash.
 * @throws invalid `container-name-invalid`
 */
export function parseName(text: string): string {
  const name = text.startsWith('/') ? text.slice(1) : text;
  if (pattern.test(name)) return name;
  throw invalid(
    'container-name-invalid',
    `Invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    { hint: 'start the name with a letter or digit and use at least two characters' },
  );
}
