// Which upstream the accelerations were proved against: every file one of them stands before or relies on, by sha256.
// One changed byte, one missing file or another version refuses them all: no combination runs that was never compared.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

const VERSION = '0.7.1';

// Relative to the directory of oref0; a package it needs is found as Node would find it.
const FILES = {
    'lib/autotune-prep/index.js': 'aa00f677136b2267d1a18a26c7a7f47db97f6307c2c766a1cd5703128315727d',
    'lib/autotune-prep/categorize.js': '34e6ee14ab87715f072abc21750707d768220ecba0a5b0edb3350f34827709f3',
    'lib/autotune-prep/dosed.js': '6de4fb7a119658ded6afbc5e3c2490d70b0a9cebcae0adb050656cac8d74a771',
    'lib/iob/index.js': 'f2ced62827d172abf11aef0589202ceed69c12f00cff007fff3c9e25bd13c7ea',
    'lib/iob/history.js': '0e61cdf63ca90a302a44f74fc79600b864b32328c75ae7abc94c98bb12963d89',
    'lib/iob/total.js': '6c093cf78af2952bdfd096f46a49b1d7972e4fefdfde6594355b8ffeb63a8b59',
    'lib/iob/calculate.js': 'ca8b738cd5c4db037760949c09028448e01b155680f0bac6c3c081e24300d348',
    'lib/meal/history.js': '6bf1a87849fa4cf0a823e4acb30154745cfaabcf9d3015e8ad81e8d4629c4498',
    'lib/profile/basal.js': '2f9caa15afa55126962e68463e3264740dde57bee1644513fd8c01e5b39d0193',
    'lib/profile/isf.js': '6544e5f207c029763a75ef594f6b0585a690b45f82a9be7d80c05ec9c9d9157a',
};

const PACKAGE_FILES = {
    'lodash/lodash.js': 'f5465f55566bf544aad0a31c6135889ca1ed81eea8f53ec61c6cbe86926f07cf',
    'moment/moment.js': 'f5fe507036dee36ca91f9394c660d985c0acd87c32ad137e809e6117270fb47e',
    'moment-timezone/moment-timezone.js': '1551c6253657e6aab517323cd795c7ef14161dca0106b13206bac60c20a2d003',
    'moment-timezone/index.js': '1707b65099f08240ccada0d4e5a4c5b4a204b24dd7ec81c997508d23bda53a0a',
};

const sha256 = (file) => crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex');

// null when this is the upstream that was proved, else why not: `version` or `changed:FILE`.
function unproved(root, from) {
    try {
        if (from('../package.json').version !== VERSION) return 'version';
    } catch (error) {
        return 'version';
    }
    const files = [
        ...Object.entries(FILES).map(([name, sum]) => [name, sum, () => path.join(root, name)]),
        ...Object.entries(PACKAGE_FILES).map(([name, sum]) => [name, sum, () => from.resolve(name)]),
    ];
    for (const [name, sum, locate] of files) {
        try {
            if (sha256(locate()) !== sum) return `changed:${name}`;
        } catch (error) {
            return `changed:${name}`;
        }
    }
    return null;
}

module.exports = { VERSION, FILES, PACKAGE_FILES, unproved };
