// Stands before find_insulin of oref0@0.7.1 lib/iob/history.js: which pieces of insulin a history comes to.
//
// For every reading upstream makes them anew from all records of six hours. For a usual history (usual.js: no pump
// records, sorted, no two temporary basals at one instant) the pieces of a record depend on few things:
//   a bolus            on itself;
//   a temporary basal  on itself, on the instant of the next one, by which it is cut short, and on the profile;
//   any other record   it has none.
// Nothing else reaches across records: overlaps are mended between neighbours in time, and the cancelling record that
// upstream adds for every record, one minute after the clock, has no duration. A temporary basal with a null duration is
// taken out when it cuts another short; it has no insulin either way.
//
// So upstream's find_insulin is asked once for each record alone: a bolus at its own instant; a temporary basal together
// with one of duration 0 at the instant of the next (which cuts it short as the next one would, and gives nothing);
// the newest temporary basal of a window by itself at the clock of the window, where upstream's own cancelling record
// cuts it short. The pieces are then put in upstream's order: by date, at the same date boluses in the order of
// the history before pieces of temporary basals in the order of time. That is the order in which lib/iob/total.js adds
// them up, so not a bit of a sum changes.
//
// What is left out of the list is temporary basals themselves: total.js passes over what has no insulin.
// If upstream answers for a record with anything but what usual.js took it for, the day is refused.
'use strict';

const { Refusal } = require('./refusal');

// All of the profile that find_insulin reads.
const profileKey = (profile) => JSON.stringify([
    profile.basalprofile, profile.current_basal, profile.suspend_zeros_iob, profile.min_bg, profile.max_bg,
    profile.half_basal_exercise_target, profile.exercise_mode, profile.temptargetSet,
]);

const isTemp = (item) => Object.hasOwn(item, 'rate');
const ofRecord = (item) => item.timestamp !== undefined;
const byDate = (a, b) => a.date - b.date;

function insulin() {
    let upstream = null;
    let day = null;
    let profile = null;
    let key = null;
    let pieces = [];
    let newest = new Map();

    function begin(nextDay, nextProfile) {
        const nextKey = profileKey(nextProfile);
        if (day !== nextDay || key !== nextKey) {
            pieces = new Array(nextDay.history.length);
            newest = new Map();
        }
        day = nextDay;
        profile = nextProfile;
        key = nextKey;
    }

    function forget() {
        day = profile = key = null;
        pieces = [];
        newest = new Map();
    }

    function ask(history, clock, temp) {
        const found = upstream({ history, clock, profile });
        const insulinOnly = [];
        let temps = 0;
        for (const item of found) {
            if (isTemp(item)) {
                if (ofRecord(item)) temps++;
            } else {
                // A bolus has the text it came from, a piece of a temporary basal has not.
                if (ofRecord(item) === temp) throw new Refusal('record-kind');
                if (!Number.isFinite(item.date)) throw new Refusal('record-kind');
                insulinOnly.push(item);
            }
        }
        if (temps !== (temp ? history.length : 0)) throw new Refusal('record-kind');
        return insulinOnly;
    }

    function ofBolusOrOther(n) {
        if (pieces[n] === undefined) {
            const record = day.history[n];
            pieces[n] = ask([record], record.created_at, false);
        }
        return pieces[n];
    }

    function ofTempCutShort(n, next) {
        if (pieces[n] === undefined) {
            const at = day.history[next].created_at;
            const end = { eventType: 'Temp Basal', created_at: at, rate: 0, duration: 0 };
            pieces[n] = ask([end, day.history[n]], at, true);
        }
        return pieces[n];
    }

    function ofNewestTemp(n, clock) {
        const name = `${n} ${clock}`;
        let found = newest.get(name);
        if (found === undefined) newest.set(name, found = ask([day.history[n]], clock, true));
        return found;
    }

    // The pieces of insulin of the records that categorize kept for one reading: the first and the last of them, and those
    // between (history-window.js).
    function ofWindow(kept, clock) {
        if (kept.length === 0) return [];
        const { n: first, at: firstAt } = kept[0];
        const { n: last, at: lastAt } = kept[kept.length - 1];
        if (lastAt - firstAt + 1 !== kept.length) throw new Refusal('order');
        const all = [];
        const temps = [];
        for (let n = first; n <= last; n++) {
            if (day.temps[n]) temps.push(n);
            else for (const piece of ofBolusOrOther(n)) all.push(piece);
        }
        for (let at = temps.length - 1; at >= 0; at--) {
            const found = at === 0 ? ofNewestTemp(temps[0], clock) : ofTempCutShort(temps[at], temps[at - 1]);
            for (const piece of found) all.push(piece);
        }
        return all.sort(byDate); // stable, as lodash's sortBy
    }

    const findInsulin = (real) => {
        upstream = real;
        return (inputs, zeroTempDuration) => {
            if (day === null) return real(inputs, zeroTempDuration);
            if (inputs.history !== day.window) throw new Refusal('record-kind');
            // After the walk: the insulin of the whole history, up to the clock on the wall.
            return real({ ...inputs, history: day.history }, zeroTempDuration);
        };
    };

    return { begin, forget, ofWindow, findInsulin, isOpen: () => day !== null };
}

module.exports = { insulin };
