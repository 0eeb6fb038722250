import { verb } from '../../engine/verb.ts';
export const found = verb;
