import { port } from '../ports/port.ts';
export const found = port;
