// The installed tree of upstream and its packages as digests, a package at a time: the same as flows/oref0/provenance.py computes,
// for where only a container can read the files. A test holds the two together.
'use strict';

const fs = require('fs');
const { createHash } = require('crypto');

const NPMS_OWN = '.package-lock.json'; // npm's note of what it installed; Node.js never reads it
const UNREADABLE = 'unreadable';
const SLASH = Buffer.from('/');
const END = Buffer.from([0]);

const sha256 = (content) => createHash('sha256').update(content).digest();

const join = (directory, name) => Buffer.concat([directory, SLASH, name]);

// Names as bytes: what is no UTF-8 must not be taken for something else.
function sorted(directory) {
    const entries = fs.readdirSync(directory, { withFileTypes: true, encoding: 'buffer' });
    return entries.sort((one, other) => Buffer.compare(one.name, other.name));
}

function add(digest, entry, file, path) {
    let kind, content;
    if (entry.isSymbolicLink()) { // not followed: where it leads is not what npm laid out
        [kind, content] = ['L', fs.readlinkSync(file, { encoding: 'buffer' })];
    } else if (entry.isDirectory()) {
        for (const below of sorted(file)) add(digest, below, join(file, below.name), join(path, below.name));
        return;
    } else if (entry.isFile()) {
        [kind, content] = ['F', fs.readFileSync(file)];
    } else { // a pipe or a device: nothing to read
        [kind, content] = ['O', Buffer.alloc(0)];
    }
    digest.update(Buffer.concat([Buffer.from(kind), path, END, sha256(content)]));
}

function packageDigests(modules) {
    const directory = Buffer.from(modules);
    let entries;
    try {
        entries = sorted(directory);
    } catch (error) {
        return {};
    }
    const found = Object.create(null);
    for (const entry of entries) {
        const name = entry.name.toString('utf8');
        if (name === NPMS_OWN && entry.isFile()) continue;
        const digest = createHash('sha256');
        try {
            add(digest, entry, join(directory, entry.name), entry.name);
            found[name] = digest.digest('hex');
        } catch (error) {
            found[name] = UNREADABLE;
        }
    }
    return found;
}

module.exports = { packageDigests };
