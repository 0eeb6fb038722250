import { verb } from './verb.ts';
export const other = (): unknown => verb;
