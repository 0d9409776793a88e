// Stands before basalLookup of oref0@0.7.1 lib/profile/basal.js.
//
// Its answer is made of the schedule's `i`, `minutes` and `rate` and of the minute of the day alone, and of the minute it
// asks only whether it lies before a block's `minutes` or not. The first time one of the minutes between two such starts
// is asked of a schedule upstream answers; the others of the same schedule get the same number again. The same schedule
// means the same contents: they are compared whenever a day brings a schedule, which nothing writes into during the day.
//
// Anything but a schedule of numbers and a valid date, and a schedule whose last rate is 0 (upstream prints a line on
// every call), goes to upstream every time.
'use strict';

const SCHEDULES = 8;
const MINUTES = 24 * 60;

// Upstream sorts by `i`; where no block has one the order stays.
function usualSchedule(schedule) {
    if (!Array.isArray(schedule) || schedule.length === 0) return false;
    let last = null;
    for (const block of schedule) {
        if (typeof block !== 'object' || block === null) return false;
        if (!Number.isFinite(block.minutes) || !Number.isFinite(block.rate)) return false;
        if (last !== null && typeof block.i !== typeof last.i) return false;
        if (block.i !== undefined && !Number.isFinite(block.i)) return false;
        if (last === null || block.i === undefined || block.i >= last.i) last = block;
    }
    return last.rate !== 0;
}

const valuesOf = (schedule) => schedule.flatMap((block) => [block.i, block.minutes, block.rate]);

function holds(schedule, values) {
    if (!Array.isArray(schedule) || schedule.length * 3 !== values.length) return false;
    for (let n = 0, at = 0; n < schedule.length; n++, at += 3) {
        const block = schedule[n];
        if (typeof block !== 'object' || block === null) return false;
        if (!Object.is(block.i, values[at]) || !Object.is(block.minutes, values[at + 1])) return false;
        if (!Object.is(block.rate, values[at + 2])) return false;
    }
    return true;
}

// For each minute of the day how many of these starts lie before or at it: upstream compares with nothing else.
function startsPassed(starts) {
    const passed = new Uint16Array(MINUTES);
    for (let minute = 0; minute < MINUTES; minute++) {
        for (const start of starts) if (start <= minute) passed[minute]++;
    }
    return passed;
}

function basalLookups(upstream) {
    let known = [];
    let ofToday = new Map();
    let clocks = new Map();

    function passedOf(schedule) {
        const starts = schedule.map((block) => block.minutes);
        const name = starts.join(' ');
        let passed = clocks.get(name);
        if (passed === undefined) {
            if (clocks.size >= SCHEDULES) clocks = new Map();
            clocks.set(name, passed = startsPassed(starts));
        }
        return passed;
    }

    function ratesOf(schedule) {
        for (const one of known) if (holds(schedule, one.values)) return one.rates;
        if (!usualSchedule(schedule)) return null;
        const one = { values: valuesOf(schedule), rates: { passed: passedOf(schedule), found: [] } };
        known = [one, ...known.slice(0, SCHEDULES - 1)];
        return one.rates;
    }

    function ratesToday(schedule) {
        let rates = ofToday.get(schedule);
        if (rates === undefined) ofToday.set(schedule, rates = ratesOf(schedule));
        return rates;
    }

    function basalLookup(schedule, now) {
        const minute = now instanceof Date ? now.getHours() * 60 + now.getMinutes() : NaN;
        const rates = Number.isNaN(minute) ? null : ratesToday(schedule);
        if (rates === null) return upstream(schedule, now);
        const between = rates.passed[minute];
        const before = rates.found[between];
        if (before !== undefined) return before;
        const rate = upstream(schedule, now);
        if (rate !== undefined) rates.found[between] = rate;
        return rate;
    }

    function forgetDay() {
        ofToday = new Map();
    }

    function forget() {
        forgetDay();
        known = [];
    }

    return { basalLookup, forget, forgetDay };
}

module.exports = { basalLookups, usualSchedule };
