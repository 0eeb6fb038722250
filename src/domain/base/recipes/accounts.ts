import type { Account } from './recipe.ts';

/** Debian's account of web servers. */
export const wwwData: Account = { name: 'www-data', uid: 33, gid: 33, home: '/var/www' };
