// Stands before oref0@0.7.1 lib/autotune-prep/categorize.js and the isfLookup it calls (lib/profile/isf.js).
//
// For every reading, categorize walks through the whole history, parses each `created_at` anew and keeps the records of
// the six hours before. isfLookup is its last call before that walk and is given the same instant. So categorize is
// handed a history that holds, at every walk, only the records from six hours before that instant up to it, found by
// binary search (the history is sorted by instant: usual.js), each with its instant in place of the text. `new Date` of
// the number is the same date as `new Date` of the text it came from. Upstream's own condition then decides which stay. It
// compares instants, so what lies between two records that stay would stay too: of those within the six hours only the
// newest and the oldest are handed over, and all that lie at one of the ends exactly, in the same order.
//
// The kept ones go nowhere but to getIOB, which current-iob.js takes over, and the whole history to find_insulin, after
// the walk, which insulin.js takes over; both find the real records behind them, and those between.
'use strict';

const { Refusal } = require('./refusal');
const { usualGlucose, usualHistory, usualProfile } = require('./usual');

const SIX_HOURS_MS = 6 * 60 * 60 * 1000;

class Day {
    constructor(history, instant) {
        const { ms, temps } = usualHistory(history, instant);
        this.history = history;
        this.ms = ms;
        this.temps = temps;
        // `n` is the place in the history, `at` that among those handed over.
        this.standIns = history.map((record, n) => ({ created_at: ms[n], n, at: 0 }));
        this.window = [];
    }

    // Fill the history that categorize walks through with the ends of [instant - 6 h, instant].
    show(instantMs) {
        const oldestMs = instantMs - SIX_HOURS_MS;
        this.window.length = 0;
        let n = this.firstNotAfter(instantMs);
        while (n < this.ms.length && this.ms[n] === instantMs) this.handOver(n++);
        const end = this.firstNotAfter(oldestMs);
        if (n < end) this.handOver(n);
        if (n < end - 1) this.handOver(end - 1);
        for (n = end; n < this.ms.length && this.ms[n] === oldestMs; n++) this.handOver(n);
    }

    handOver(n) {
        this.standIns[n].at = this.window.length;
        this.window.push(this.standIns[n]);
    }

    firstNotAfter(instantMs) {
        let low = 0;
        let high = this.ms.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.ms[middle] > instantMs) low = middle + 1; else high = middle;
        }
        return low;
    }
}

function historyWindow(instant, insulin) {
    let day = null;

    const isf = (upstream) => {
        function isfLookup(data, timestamp, lastResult) {
            if (day !== null) {
                const at = timestamp.getTime();
                if (Number.isNaN(at)) throw new Refusal('glucose');
                day.show(at);
            }
            return upstream(data, timestamp, lastResult);
        }
        isfLookup.isfLookup = isfLookup;
        return isfLookup;
    };

    const categorize = (upstream) => (opts) => {
        usualProfile(opts);
        usualGlucose(opts.glucose);
        // The curve is tuned by ten more passes over one and the same history.
        if (day === null || day.history !== opts.pumpHistory) {
            forget();
            day = new Day(opts.pumpHistory, instant);
        }
        insulin.begin(day, opts.profile);
        return upstream({ ...opts, pumpHistory: day.window });
    };

    function forget() {
        day = null;
        insulin.forget();
    }

    return { isf, categorize, forget, forgetDay: forget };
}

module.exports = { historyWindow };
