import type { CatalogueEntry } from './entry.ts';
import { certificates } from './entry.ts';
import { packageRecipe } from './packages.ts';
import { php } from './php.ts';
import { app, plain, type Account, type Recipe } from './recipe.ts';

const nonroot: Account = { name: 'nonroot', uid: 65532, gid: 65532, home: '/home/nonroot' };

const recipeOf = (name: string): Recipe => packageRecipe(name) ?? plain('sh');

const go: Recipe = {
  user: app,
  extras: [
    { path: '/go', kind: 'directory', owner: app, mode: 0o1777 },
    { path: '/go/src', kind: 'directory', owner: app, mode: 0o1777 },
    { path: '/go/bin', kind: 'directory', owner: app, mode: 0o1777 },
  ],
  // There is no C compiler, and a toolchain that is fetched in the middle of a build is no pinned one.
  environment: ['GOPATH=/go', 'CGO_ENABLED=0', 'GOTOOLCHAIN=local'],
  config: { Cmd: ['go', 'version'], WorkingDir: '/go' },
};

/** Gems go where those of the image of Ruby's makers go, and need no root. */
const ruby: Recipe = {
  user: app,
  extras: [{ path: '/usr/local/bundle', kind: 'directory', owner: app, mode: 0o1777 }],
  environment: [
    'GEM_HOME=/usr/local/bundle',
    'BUNDLE_APP_CONFIG=/usr/local/bundle',
    'BUNDLE_SILENCE_ROOT_WARNING=1',
  ],
  config: { Cmd: ['irb'] },
};

/** For programs, from the smallest on. In the order in which they are shown. */
export const runtimes: readonly CatalogueEntry[] = [
  {
    name: 'static',
    summary: 'certificates, time zones and users only: for programs linked statically',
    packages: [certificates, 'tzdata'],
    shape: 'bare',
    main: /^base-files$/,
    recipe: { user: nonroot, extras: [], config: { WorkingDir: '/home/nonroot' } },
    proof: { command: [], prints: /^$/ },
  },
  {
    name: 'busybox',
    summary: 'one small program with a shell and 270 tools',
    packages: ['busybox-static'],
    shape: 'bare',
    main: /^busybox-static$/,
    recipe: { ...plain('sh'), finishing: ['busybox-links'] },
    proof: { command: ['sh', '-c', 'echo one two | awk "{print \\$2}"'], prints: /^two$/ },
  },
  {
    name: 'slim',
    summary: 'the C library, a shell, the basic tools and certificates',
    packages: [certificates],
    shape: 'slim',
    standIns: ['openssl'],
    main: /^base-files$/,
    recipe: plain('sh'),
    proof: { command: ['sh', '-c', 'id -un'], prints: /^app$/ },
  },
  {
    name: 'base',
    summary: 'slim, with find, grep, gzip, sed, tar and awk',
    packages: [],
    shape: 'full',
    main: /^base-files$/,
    recipe: plain('sh'),
    proof: { command: ['sh', '-c', 'grep -c ^app: /etc/passwd'], prints: /^1$/ },
  },
  {
    name: 'node',
    summary: 'JavaScript, by Node.js',
    packages: ['nodejs', certificates],
    shape: 'full',
    main: /^nodejs$/,
    recipe: recipeOf('nodejs'),
    proof: { command: ['node', '-p', 'process.release.name'], prints: /^node$/ },
  },
  {
    name: 'python',
    summary: 'Python 3 with its standard library',
    packages: ['python3', 'tzdata', certificates],
    shape: 'full',
    main: /^python3$/,
    recipe: {
      ...recipeOf('python3'),
      extras: [{ path: '/usr/local/bin/python', kind: 'link', to: '/usr/bin/python3' }],
    },
    proof: {
      command: ['python', '-c', 'import ssl, sqlite3, zoneinfo; print(zoneinfo.ZoneInfo("Asia/Tokyo"))'],
      prints: /^Asia\/Tokyo$/,
    },
  },
  {
    name: 'java',
    summary: 'a Java runtime without a display (OpenJDK)',
    packages: ['default-jre-headless', certificates],
    shape: 'full',
    // Printing, sound and smart cards are loaded only by programs that use them.
    standIns: [
      ...['ca-certificates-java', 'java-common', 'libasound2', 'libasound2t64', 'libcups2', 'libcups2t64'],
      ...['libnss3', 'libpcsclite1', 'util-linux'],
    ],
    main: /^openjdk-\d+-jre-headless$/,
    recipe: {
      user: app,
      extras: [],
      finishing: ['java-authorities', 'java-links'],
      config: { Cmd: ['java', '-version'] },
    },
    proof: { command: ['java', '-version'], prints: /OpenJDK Runtime Environment/ },
  },
  {
    name: 'go',
    summary: 'builds Go programs without C',
    packages: ['golang-go', certificates],
    shape: 'full',
    main: /^golang-[\d.]+-go$/,
    recipe: go,
    proof: {
      command: [
        ...['sh', '-c'],
        'cd /tmp && printf "package main\\nfunc main() { println(6 * 7) }\\n" >a.go && go run a.go 2>&1',
      ],
      prints: /^42$/,
    },
  },
  {
    name: 'php',
    summary: 'PHP by FPM on port 9000, with the usual extensions; pages in /var/www/html',
    packages: [
      ...['php-fpm', 'php-curl', 'php-gd', 'php-intl', 'php-mbstring', 'php-mysql', 'php-pgsql'],
      ...['php-xml', 'php-zip', certificates],
    ],
    shape: 'full',
    // For init scripts, and for typefaces that gd only draws with when asked to.
    standIns: ['mime-support', 'procps', 'psmisc', 'fontconfig-config', 'fonts-dejavu-core'],
    main: /^php[\d.]+-fpm$/,
    recipe: php,
    proof: {
      command: [
        'php',
        '-r',
        'echo json_encode(["mb" => mb_strlen("äö"), "pdo" => count(PDO::getAvailableDrivers())]);',
      ],
      prints: /^{"mb":2,"pdo":2}$/,
    },
  },
  {
    name: 'ruby',
    summary: 'Ruby with Bundler, without a compiler',
    packages: ['ruby', 'ruby-bundler', certificates],
    shape: 'full',
    main: /^ruby[\d.]+$/,
    recipe: ruby,
    proof: {
      command: ['ruby', '-ropenssl', '-e', 'puts OpenSSL::Digest.hexdigest("SHA256", "")[0, 8]'],
      prints: /^e3b0c442$/,
    },
  },
];
