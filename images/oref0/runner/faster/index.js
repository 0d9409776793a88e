// Loads upstream's autotune-prep with the accelerations standing before the functions they are named for.
//
// They are put into Node's require cache one by one, before the module that requires them is loaded: upstream's own
// categorize calls ours, and ours calls upstream's own function, fewer times. All of upstream's files are then forgotten
// by the cache again, so the untouched way loads files of its own and shares nothing with this one.
'use strict';

const { basalLookups } = require('./basal-lookup');
const { contributions } = require('./contributions');
const { currentIob } = require('./current-iob');
const { unproved } = require('./guards');
const { historyWindow } = require('./history-window');
const { instants } = require('./instants');
const { insulin } = require('./insulin');
const { Refusal } = require('./refusal');

const NAMES = ['instants', 'basal-lookup', 'contributions', 'insulin', 'current-iob', 'history-window'];

function loadFaster(from) {
    const moment = from('moment');
    const remembered = instants(moment);
    const pieces = insulin();
    const window = historyWindow(remembered.instant, pieces);
    const caches = [remembered, window];
    const ofDay = [window];

    const standBefore = (name, made) => {
        const real = from(name);
        from.cache[from.resolve(name)].exports = made(real);
    };
    const realZoned = from('moment-timezone');
    const zoned = from.cache[from.resolve('moment-timezone')];
    zoned.exports = remembered.instant;
    try {
        standBefore('../lib/profile/basal', (real) => {
            const lookups = basalLookups(real.basalLookup);
            caches.push(lookups);
            ofDay.push(lookups);
            return { ...real, basalLookup: lookups.basalLookup };
        });
        standBefore('../lib/profile/isf', window.isf);
        standBefore('../lib/iob/calculate', (real) => {
            const known = contributions(real);
            caches.push(known);
            return known.iobCalc;
        });
        standBefore('../lib/iob/history', pieces.findInsulin);
        standBefore('../lib/iob', currentIob(pieces));
        standBefore('../lib/autotune-prep/categorize', window.categorize);
        return {
            generate: from('../lib/autotune-prep'),
            basalLookup: from('../lib/profile/basal').basalLookup,
            moment: remembered.instant,
            forget: () => caches.forEach((cache) => cache.forget()),
            forgetDay: () => ofDay.forEach((cache) => cache.forgetDay()),
        };
    } finally {
        zoned.exports = realZoned;
    }
}

module.exports = { NAMES, Refusal, loadFaster, unproved };
