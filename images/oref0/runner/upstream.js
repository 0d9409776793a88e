// Upstream's modules, loaded two ways that share none of its files: untouched, and with the accelerations of faster/.
'use strict';

const path = require('path');
const { createRequire } = require('module');

const faster = require('./faster');

// moment says once per process that a text is no ISO instant. As a command of its own each day would be told.
const SAID_ONCE = 'Deprecation warning: ';

class Upstream {
    constructor(root, exact) {
        this.root = root;
        this.forgetModules();
        this.version = this.from('../package.json').version;
        this.refused = exact ? 'asked' : faster.unproved(root, this.from);
    }

    // What the start event says of the accelerations.
    get faster() {
        if (this.refused === null) return { active: faster.NAMES, refused: {} };
        return { active: [], refused: Object.fromEntries(faster.NAMES.map((name) => [name, this.refused])) };
    }

    get common() {
        const { from } = this;
        this.loadedCommon ||= {
            autotune: from('../lib/autotune'),
            lodash: from('lodash'),
            stringify: from('json-stable-stringify'),
        };
        return this.loadedCommon;
    }

    way(name) {
        if (!this.ways[name]) {
            this.forgetOwnFiles(); // so each way loads copies of its own
            const loaded = name === 'faster' ? faster.loadFaster(this.from)
                : {
                    generate: this.from('../lib/autotune-prep'),
                    basalLookup: this.from('../lib/profile/basal').basalLookup,
                    moment: this.from('moment'),
                };
            this.forgetOwnFiles();
            this.ways[name] = { ...this.common, ...loaded };
        }
        return this.ways[name];
    }

    // After a day: nothing of it stays; a module that has said its once-a-process word is loaded anew.
    endDay(words) {
        if (this.ways.faster) this.ways.faster.forgetDay();
        if (words.includes(SAID_ONCE)) this.forgetModules();
    }

    endJob() {
        if (this.ways.faster) this.ways.faster.forget();
    }

    forgetOwnFiles() {
        const own = path.dirname(this.from.resolve('../package.json')) + path.sep + 'lib' + path.sep;
        for (const file of Object.keys(this.from.cache)) if (file.startsWith(own)) delete this.from.cache[file];
    }

    forgetModules() {
        this.ways = {};
        this.loadedCommon = undefined;
        // A new one each time: what requires keeps hold of what it required.
        this.from = createRequire(path.join(this.root, 'bin', 'oref0-autotune-prep.js'));
        this.forgetOwnFiles();
        for (const name of ['moment', 'moment-timezone']) {
            try {
                const main = this.from.resolve(name);
                const folder = path.dirname(main) + path.sep;
                for (const file of Object.keys(this.from.cache)) {
                    if (file.startsWith(folder) && file.endsWith('.js')) delete this.from.cache[file];
                }
            } catch (error) {
                // Not installed: whoever requires it says so.
            }
        }
    }
}

module.exports = { Upstream };
