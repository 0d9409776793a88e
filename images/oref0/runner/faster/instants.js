// Stands before `moment-timezone`, as required by oref0@0.7.1 lib/autotune-prep/categorize.js, lib/iob/index.js and
// lib/iob/history.js, and before `moment` where prep.js sorts the history.
//
// Every one of those callers takes the instant alone, `new Date(tz(text))` or `moment(text).valueOf()`, and keeps no
// moment. `new Date` of a moment is `new Date` of its valueOf (a moment has no Symbol.toPrimitive), so the number moment
// itself gives for a text is handed out again for the same text. Only whole ISO instants with a zone are remembered:
// these name the same instant on every day and in every time zone.
//
// A text of any other form refuses the day (moment would warn of it once per process, with a stack). Numbers, dates and
// `undefined`, which is the clock on the wall, go to moment every time.
'use strict';

const { Refusal } = require('./refusal');

const WHOLE_INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/;
const MOST = 50000;

function instants(moment) {
    const known = new Map();

    function instant(input) {
        if (typeof input !== 'string') {
            if (input === undefined || typeof input === 'number' || input instanceof Date) return moment(input);
            throw new Refusal('created-at');
        }
        const before = known.get(input);
        if (before !== undefined) return before;
        if (!WHOLE_INSTANT.test(input)) throw new Refusal('created-at');
        const found = moment(input).valueOf();
        if (Number.isNaN(found)) throw new Refusal('created-at');
        if (known.size >= MOST) known.clear();
        known.set(input, found);
        return found;
    }

    return { instant, forget: () => known.clear() };
}

module.exports = { instants };
