// Stands before basalLookup of oref0@0.7.1 lib/profile/basal.js.
//
// Its answer is made of the schedule's `i`, `minutes` and `rate` and of the minute of the day alone. The first time a
// minute is asked of a schedule upstream answers; the same minute of the same schedule gets the same number again. The
// same schedule means the same contents: they are compared on every call, so a schedule changed in between is another.
//
// Anything but a schedule of numbers and a valid date, and a schedule whose last rate is 0 (upstream prints a line on
// every call), goes to upstream every time.
'use strict';

const SCHEDULES = 8;

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

function basalLookups(upstream) {
    let known = [];

    function ratesOf(schedule) {
        for (const one of known) if (holds(schedule, one.values)) return one.rates;
        if (!usualSchedule(schedule)) return null;
        const one = { values: valuesOf(schedule), rates: new Map() };
        known = [one, ...known.slice(0, SCHEDULES - 1)];
        return one.rates;
    }

    function basalLookup(schedule, now) {
        const minute = now instanceof Date ? now.getHours() * 60 + now.getMinutes() : NaN;
        const rates = Number.isNaN(minute) ? null : ratesOf(schedule);
        if (rates === null) return upstream(schedule, now);
        const before = rates.get(minute);
        if (before !== undefined) return before;
        const rate = upstream(schedule, now);
        if (rate !== undefined) rates.set(minute, rate);
        return rate;
    }

    return { basalLookup, forget: () => { known = []; } };
}

module.exports = { basalLookups, usualSchedule };
