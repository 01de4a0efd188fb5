// node web/build.mjs OUT: bundles the page into the folder OUT, which the publisher serves (http.web).
//
// Installs what package-lock.json pins when that is not there yet, so that a second build asks the
// network for nothing. Fails when a text of the page has no English. Each file also lies there
// gzipped; prints what a first visit weighs.

import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const WEB = dirname(fileURLToPath(import.meta.url));
const MAX_BYTES = 100_000; // Gzipped, with map and fonts.

function fail(message) {
  console.error(`web/build.mjs: ${message}`);
  process.exit(1);
}

async function install() {
  const lock = await readFile(join(WEB, 'package-lock.json'), 'utf8');
  const stamp = join(WEB, 'node_modules', '.installed-lock.json');
  if (await readFile(stamp, 'utf8').catch(() => '') === lock) {
    return;
  }
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: WEB, stdio: 'inherit' });
  if (status !== 0) {
    fail('npm ci failed; it needs the npm registry once');
  }
  await writeFile(stamp, lock);
}

/** Every text that is handed to t() as it stands must have an English one. */
async function checkWords() {
  const { ENGLISH } = await import('./src/english.js');
  const { WORDS } = await import('./src/words.js');
  const missing = Object.values(WORDS).filter((text) => !(text in ENGLISH));
  for (const name of await readdir(join(WEB, 'src'))) {
    const source = await readFile(join(WEB, 'src', name), 'utf8');
    for (const [, text] of source.matchAll(/\bt\('((?:[^'\\]|\\.)*)'/g)) {
      if (!(text in ENGLISH)) {
        missing.push(`web/src/${name}: '${text}'`);
      }
    }
  }
  if (missing.length) {
    fail(`no English in web/src/english.js for\n${missing.join('\n')}`);
  }
}

async function bundle(out) {
  const esbuild = createRequire(import.meta.url)('esbuild');
  await esbuild.build({
    absWorkingDir: WEB,
    entryPoints: { app: 'src/main.jsx', style: 'src/style.css' },
    outdir: out,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.woff2': 'file', '.svg': 'file' },
    assetNames: '[name]',
    chunkNames: '[name]',
    splitting: true,
    logLevel: 'warning',
  });
  await copyFile(join(WEB, 'index.html'), join(out, 'index.html'));
}

/** Fonts are compressed already; all else gets a .gz beside it. */
async function weigh(out) {
  let total = 0;
  for (const name of (await readdir(out)).filter((n) => !n.endsWith('.gz')).sort()) {
    const bytes = await readFile(join(out, name));
    let size = bytes.length;
    if (!name.endsWith('.woff2')) {
      const small = gzipSync(bytes, { level: 9 });
      await writeFile(join(out, `${name}.gz`), small);
      size = small.length;
    }
    total += name === 'english.js' ? 0 : size; // Only who asks for it loads it.
    console.log(`${String(size).padStart(7)}  ${name}`);
  }
  console.log(`${String(total).padStart(7)}  in all, gzipped (limit ${MAX_BYTES})`);
  if (total > MAX_BYTES) {
    fail('the page is too heavy');
  }
}

if (process.argv.length !== 3) {
  fail('usage: node web/build.mjs OUT');
}
const out = resolve(process.argv[2]);
await install();
await checkWords();
await mkdir(out, { recursive: true });
await bundle(out);
await weigh(out);
