import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { conflict, invalid, notFound } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import { checkRight, type Right } from '#domain/registry/rights.ts';
import { Passwords, type PasswordHash } from '#engine/registry/passwords.ts';
import type { Clock } from '#ports/clock.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** Who comes without credentials has the rights of this user, when there is one. */
export const anonymous = 'anonymous';

export interface UserView {
  name: string;
  rights: Right[];
  created: string;
}

interface User extends UserView {
  /** Absent for `anonymous`. */
  password?: PasswordHash;
}

export interface TokenView {
  id: string;
  user: string;
  name: string;
  created: string;
  /** RFC 3339; absent: it holds until it is removed. */
  expires?: string;
  /** Narrows what its user may; absent: everything that the user may. */
  rights?: Right[];
}

interface Token extends TokenView {
  /** SHA-256 of the secret, which is random and long: nothing to slow down. */
  hash: string;
}

const tokenPattern = /^brt_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** Users with passwords and rights, and their tokens, which take the place of a password. */
export class Accounts {
  readonly #clock: Clock;
  readonly #users: Collection<User>;
  readonly #tokens: Collection<Token>;
  readonly #byName: Map<string, User>;
  readonly #byId: Map<string, Token>;
  readonly #passwords: Passwords;

  constructor({ store, clock }: { store: StateStore; clock: Clock }) {
    this.#clock = clock;
    this.#users = store.collection<User>('registry-users');
    this.#tokens = store.collection<Token>('registry-tokens');
    this.#byName = new Map(this.#users.entries());
    this.#byId = new Map(this.#tokens.entries());
    this.#passwords = new Passwords(() => clock.now());
  }

  /** Without any user, whoever reaches the registry may do everything: only for a loopback address. */
  get isOpen(): boolean {
    return [...this.#byName.values()].every(({ password }) => password === undefined);
  }

  users(): UserView[] {
    return [...this.#byName.values()].map(({ name, rights, created }) => ({ name, rights, created }));
  }

  user(name: string): UserView | undefined {
    return this.#byName.get(name);
  }

  /** Adds a user. @throws invalid `registry-user-invalid`, `registry-password-invalid`; conflict `registry-user-exists` */
  async add(name: string, password: string, rights: readonly Right[]): Promise<UserView> {
    if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name) || name === anonymous)
      throw invalid(
        'registry-user-invalid',
        `'${name.slice(0, 100)}' is not the name of a user: required are lower case letters, digits, . _ -, at most 64`,
        {
          hint:
            name === anonymous
              ? "berth registry users grant anonymous 'public/**' pull"
              : 'choose another name',
        },
      );
    if (this.#byName.has(name)) throw conflict('registry-user-exists', `there is a user '${name}' already`);
    const checked = rights.map(checkRight);
    const hash = await this.#passwords.hash(checkPassword(password));
    return this.#save({ name, password: hash, rights: checked, created: this.#clock.timestamp() });
  }

  /** @throws not-found `registry-user-missing`; invalid `registry-password-invalid` */
  async setPassword(name: string, password: string): Promise<void> {
    const user = this.#get(name);
    if (name === anonymous) throw invalid('registry-user-invalid', `'${anonymous}' has no password`);
    this.#save({ ...user, password: await this.#passwords.hash(checkPassword(password)) });
  }

  /** Sets what a user may with the repositories of a pattern; no actions: nothing. @throws not-found `registry-user-missing` */
  grant(name: string, repositories: string, actions: string[]): UserView {
    const created = this.#clock.timestamp();
    const user =
      name === anonymous ? (this.#byName.get(name) ?? { name, rights: [], created }) : this.#get(name);
    const others = user.rights.filter((right) => right.repositories !== repositories);
    const rights = actions.length === 0 ? others : [...others, checkRight({ repositories, actions })];
    return this.#save({ ...user, rights });
  }

  /** With its tokens. @throws not-found `registry-user-missing` */
  remove(name: string): void {
    this.#get(name);
    for (const { id, user } of this.#byId.values()) if (user === name) this.removeToken(id);
    this.#users.delete(name);
    this.#byName.delete(name);
  }

  /** @throws not-found `registry-user-missing` */
  createToken(
    user: string,
    name: string,
    options: { days?: number; rights?: Right[] },
  ): TokenView & { secret: string } {
    this.#get(user);
    const [id, random] = [newId().slice(0, 16), randomBytes(32).toString('base64url')];
    const created = this.#clock.timestamp();
    const token: Token = { id, user, name, created, hash: hashOf(random) };
    if (options.days !== undefined)
      token.expires = new Date(this.#clock.now() + options.days * 86_400_000).toISOString();
    if (options.rights !== undefined) token.rights = options.rights.map(checkRight);
    this.#tokens.put(id, token);
    this.#byId.set(id, token);
    return { ...viewOf(token), secret: `brt_${id}_${random}` };
  }

  tokens(): TokenView[] {
    return [...this.#byId.values()].map(viewOf);
  }

  /** One that holds now. */
  token(id: string): TokenView | undefined {
    const token = this.#byId.get(id);
    return token === undefined || Date.parse(token.expires ?? '') <= this.#clock.now()
      ? undefined
      : viewOf(token);
  }

  /** @throws not-found `registry-token-missing` */
  removeToken(id: string): void {
    if (!this.#byId.has(id))
      throw notFound('registry-token-missing', `there is no token '${id}'`, {
        hint: 'berth registry tokens ls',
      });
    this.#tokens.delete(id);
    this.#byId.delete(id);
  }

  /** Whose name and password (or token) these are; undefined when they are nobody's. */
  async identify(name: string, password: string): Promise<{ user: UserView; token?: TokenView } | undefined> {
    const user = this.#byName.get(name);
    const [, id, random] = tokenPattern.exec(password) ?? [];
    if (id !== undefined && random !== undefined) {
      const token = this.token(id);
      const hash = this.#byId.get(id)?.hash;
      if (token === undefined || hash === undefined || token.user !== name || user === undefined)
        return undefined;
      return timingSafeEqual(Buffer.from(hashOf(random)), Buffer.from(hash)) ? { user, token } : undefined;
    }
    // Names that are nobody's take as long as others.
    const kept = user?.password ?? { cost: 2 ** 15, salt: '', hash: Buffer.alloc(32).toString('base64') };
    const isRight = await this.#passwords.isRight(password, kept);
    return isRight && user !== undefined ? { user } : undefined;
  }

  #get(name: string): User {
    const user = this.#byName.get(name);
    if (user !== undefined) return user;
    throw notFound('registry-user-missing', `there is no user '${name}'`, {
      hint: 'berth registry users ls',
    });
  }

  #save(user: User): UserView {
    this.#users.put(user.name, user);
    this.#byName.set(user.name, user);
    return { name: user.name, rights: user.rights, created: user.created };
  }
}

function viewOf({ hash: _hash, ...view }: Token): TokenView {
  return view;
}

function hashOf(random: string): string {
  return createHash('sha256').update(random).digest('hex');
}

/** Never with the password in the message. */
function checkPassword(password: string): string {
  if (password.length >= 8 && password.length <= 1024) return password;
  throw invalid(
    'registry-password-invalid',
    `the password has ${password.length} characters; required are 8 to 1024`,
  );
}
