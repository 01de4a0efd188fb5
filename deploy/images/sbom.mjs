// node deploy/images/sbom.mjs IMAGE ROOT SOURCE: what is in an image's root folder, as SPDX 2.3 JSON.
//
// The Debian packages are those of ROOT's dpkg status; the npm packages of the page are those that
// web/package-lock.json pins and the page's bundle is made of; our programs have their SHA-256.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [image, root, source] = process.argv.slice(2);
const version = /project\(chiso VERSION (\S+)/.exec(readFileSync(join(source, 'CMakeLists.txt'), 'utf8'))[1];
const created = new Date(Number(process.env.SOURCE_DATE_EPOCH ?? Date.now() / 1000) * 1000)
  .toISOString().replace(/\.\d+Z$/, 'Z');
const id = (...parts) => `SPDXRef-${parts.join('-').replace(/[^A-Za-z0-9.-]/g, '-')}`;

function entry(spdxId, name, versionInfo, more) {
  return {
    SPDXID: spdxId, name, versionInfo, downloadLocation: 'NOASSERTION', filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION', licenseDeclared: 'NOASSERTION', copyrightText: 'NOASSERTION',
    ...more,
  };
}

const purl = (locator) => [{
  referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: locator,
}];

function debian() {
  const stanzas = readFileSync(join(root, 'var/lib/dpkg/status'), 'utf8').split('\n\n');
  return stanzas.filter((s) => s.trim()).map((stanza) => {
    const field = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1];
    const name = field('Package');
    const from = /^(\S+)(?: \((.*)\))?$/.exec(field('Source') ?? name);
    return entry(id('deb', name, field('Architecture')), name, field('Version'), {
      supplier: `Organization: Debian (${field('Maintainer')})`,
      sourceInfo: `built from the source package ${from[1]} ${from[2] ?? field('Version')}; `
        + `its licences are in /usr/share/doc/${name}/copyright`,
      externalRefs: purl(`pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(field('Version'))}`
        + `?arch=${field('Architecture')}&distro=debian-12`),
    });
  });
}

function npm() {
  if (!existsSync(join(root, 'usr/share/chiso/page'))) {
    return [];
  }
  const { packages } = JSON.parse(readFileSync(join(source, 'web/package-lock.json'), 'utf8'));
  return Object.entries(packages).filter(([path, p]) => path && !p.dev).map(([path, p]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 13);
    return entry(id('npm', name), name, p.version, {
      downloadLocation: p.resolved ?? 'NOASSERTION', licenseDeclared: p.license ?? 'NOASSERTION',
      externalRefs: purl(`pkg:npm/${name.replace('@', '%40')}@${p.version}`),
    });
  });
}

const files = readdirSync(join(root, 'usr/bin')).sort().map((name) => {
  const bytes = readFileSync(join(root, 'usr/bin', name));
  const sum = (algorithm) => ({
    algorithm: algorithm.toUpperCase(), checksumValue: createHash(algorithm).update(bytes).digest('hex'),
  });
  return {
    SPDXID: id('file', name), fileName: `./usr/bin/${name}`, checksums: [sum('sha1'), sum('sha256')],
    licenseConcluded: 'Apache-2.0', copyrightText: 'NOASSERTION',
  };
});
const ours = entry(id('chiso', image), `chiso-${image}`, version, {
  licenseConcluded: 'Apache-2.0', licenseDeclared: 'Apache-2.0',
  externalRefs: purl(`pkg:generic/chiso@${version}?image=${image}`),
});
const others = [...debian(), ...npm()];
const relation = (from, relationshipType, to) => ({
  spdxElementId: from, relationshipType, relatedSpdxElement: to,
});
const content = {
  packages: [ours, ...others],
  files,
  relationships: [
    relation('SPDXRef-DOCUMENT', 'DESCRIBES', ours.SPDXID),
    ...others.map((p) => relation(ours.SPDXID, p.SPDXID.startsWith('SPDXRef-npm') ? 'CONTAINS' : 'DEPENDS_ON', p.SPDXID)),
    ...files.map((f) => relation(ours.SPDXID, 'CONTAINS', f.SPDXID)),
  ],
};
const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex');
console.log(JSON.stringify({
  spdxVersion: 'SPDX-2.3', dataLicense: 'CC0-1.0', SPDXID: 'SPDXRef-DOCUMENT',
  name: `chiso-${image}-${version}`,
  documentNamespace: `https://spdx.org/spdxdocs/chiso-${image}-${version}-${digest}`,
  creationInfo: { created, creators: ['Tool: chiso deploy/images/sbom.mjs'] },
  ...content,
}, null, 2));
