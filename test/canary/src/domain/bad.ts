import { readFileSync } from 'node:fs';
import { verb } from '../engine/verb.ts';
export const bad = [readFileSync, verb];
