import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { BerthError, forbidden, unauthorized } from '#base/errors.ts';
import {
  actions,
  allows,
  grantedScopes,
  type Action,
  type Right,
  type TokenScope,
} from '#domain/registry/rights.ts';
import { anonymous, type Accounts } from '#engine/registry/accounts.ts';
import type { Clock } from '#ports/clock.ts';

/** Who asks, and what they may: what every list of rights allows. */
export interface Caller {
  /** '' for nobody known. */
  user: string;
  rights: readonly (readonly Right[])[];
  /** Id of the token that took the place of a password. */
  token?: string;
  /** Of a bearer token: what it was asked for. Who needs more asks for another one. */
  scope?: readonly Right[];
}

export interface BasicCredentials {
  username: string;
  password: string;
}

interface Claims {
  sub: string;
  /** The token that took the place of a password. */
  tid?: string;
  /** Seconds since 1970. */
  exp: number;
  access: TokenScope[];
}

const everything: readonly Right[] = [{ repositories: '**', actions: [...actions] }];
/** Seconds. */
const bearerLife = 300;
/** Wrong passwords that are answered in a minute: of one name from one address, and of all names from it. */
const patience = 10;
const patienceWithAddress = 100;
const minuteMs = 60_000;

/** Who callers are, by password, token or bearer token, and what they may. */
export class Access {
  readonly #accounts: Accounts;
  readonly #clock: Clock;
  /** Bearer tokens are of one life of the daemon: after it clients ask for new ones. */
  readonly #key = randomBytes(32);
  readonly #failures = new Map<string, { count: number; until: number }>();

  constructor(accounts: Accounts, clock: Clock) {
    this.#accounts = accounts;
    this.#clock = clock;
  }

  anonymous(): Caller {
    if (this.#accounts.isOpen) return { user: '', rights: [everything] };
    return { user: '', rights: [this.#accounts.user(anonymous)?.rights ?? []] };
  }

  /** @param address of the client @throws unauthorized `registry-credentials-wrong`; unavailable `registry-too-many-attempts` */
  async basic({ username, password }: BasicCredentials, address: string): Promise<Caller> {
    if (this.#accounts.isOpen) return { user: '', rights: [everything] };
    const key = `${address} ${username.slice(0, 100)}`;
    this.#refuseGuessing(key, patience);
    this.#refuseGuessing(address, patienceWithAddress);
    const found = await this.#accounts.identify(username, password);
    if (found === undefined) {
      this.#failed(key);
      this.#failed(address);
      throw unauthorized('registry-credentials-wrong', 'user name or password are wrong');
    }
    this.#failures.delete(key);
    return this.#callerOf(found.user.name, found.token?.id) ?? this.anonymous();
  }

  /** @throws unauthorized `registry-token-invalid` for one that is not ours, too old, or of a user that is gone */
  bearer(token: string): Caller {
    const claims = this.#claims(token);
    if (claims === undefined || claims.exp * 1000 < this.#clock.now()) throw invalidToken();
    const caller = claims.sub === '' ? this.anonymous() : this.#callerOf(claims.sub, claims.tid);
    if (caller === undefined) throw invalidToken();
    const scope = claims.access.map(({ repository, actions: granted }) => ({
      repositories: repository,
      actions: granted,
    }));
    return this.#accounts.isOpen ? caller : { ...caller, scope };
  }

  /** A bearer token (JSON web token, HS256) for as much of the scopes as the caller may. */
  issue(caller: Caller, scopes: readonly TokenScope[]): { token: string; expiresIn: number; issued: string } {
    const now = this.#clock.now();
    const access = caller.rights.reduce((granted, rights) => grantedScopes(rights, granted), [...scopes]);
    const claims: Claims = { sub: caller.user, exp: Math.floor(now / 1000) + bearerLife, access };
    if (caller.token !== undefined) claims.tid = caller.token;
    const text = `${encode({ typ: 'JWT', alg: 'HS256' })}.${encode(claims)}`;
    return {
      token: `${text}.${this.#sign(text)}`,
      expiresIn: bearerLife,
      issued: new Date(now).toISOString(),
    };
  }

  /**
   * @throws unauthorized `registry-login-required` for nobody known, `registry-scope-missing` for a bearer token that was
   *   asked for less; forbidden `registry-right-missing`
   */
  require(caller: Caller, repository: string, action: Action): void {
    if (!may(caller, repository, action)) throw this.#refusal(caller, repository, action);
    if (caller.scope !== undefined && !allows(caller.scope, repository, action))
      throw unauthorized(
        'registry-scope-missing',
        `this token was not asked for ${action} on '${repository}'`,
      );
  }

  #refusal({ user }: Caller, repository: string, action: Action): BerthError {
    if (user === '')
      return unauthorized('registry-login-required', `${action} on '${repository}' needs a login`, {
        hint: 'docker login',
      });
    return forbidden(
      'registry-right-missing',
      `the user '${user}' has no right to ${action} on '${repository}'`,
      {
        hint: `berth registry users grant ${user} ${repository} ${action}`,
      },
    );
  }

  #callerOf(name: string, tokenId: string | undefined): Caller | undefined {
    const user = this.#accounts.user(name);
    if (user === undefined) return undefined;
    if (tokenId === undefined) return { user: name, rights: [user.rights] };
    const token = this.#accounts.token(tokenId);
    if (token?.user !== name) return undefined;
    const rights = token.rights === undefined ? [user.rights] : [user.rights, token.rights];
    return { user: name, rights, token: tokenId };
  }

  #claims(token: string): Claims | undefined {
    const [head = '', body = '', signature = ''] = token.split('.');
    const [found, required] = [Buffer.from(signature), Buffer.from(this.#sign(`${head}.${body}`))];
    if (found.length !== required.length || !timingSafeEqual(found, required)) return undefined;
    // Signed by this process, so what comes out has the type that went in.
    const parse: (text: string) => Claims = JSON.parse;
    return parse(Buffer.from(body, 'base64url').toString('utf8'));
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }

  #refuseGuessing(key: string, most: number): void {
    const failures = this.#failures.get(key);
    if (failures === undefined || failures.until < this.#clock.now() || failures.count < most) return;
    throw new BerthError(
      'unavailable',
      'registry-too-many-attempts',
      'too many wrong passwords; wait a minute',
    );
  }

  #failed(key: string): void {
    const now = this.#clock.now();
    const known = this.#failures.get(key);
    const count = known === undefined || known.until < now ? 1 : known.count + 1;
    if (this.#failures.size > 10_000) this.#failures.clear();
    this.#failures.set(key, { count, until: now + minuteMs });
  }
}

/** Whether all of a caller's rights allow it. */
export function may({ rights }: Caller, repository: string, action: Action): boolean {
  return rights.every((list) => allows(list, repository, action));
}

function invalidToken(): Error {
  return unauthorized('registry-token-invalid', 'the token is not valid any more');
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
