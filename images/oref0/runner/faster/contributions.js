// Stands before iobCalc of oref0@0.7.1 lib/iob/calculate.js, which lib/iob/total.js asks for every piece of insulin.
//
// iobCalc reads of a treatment its `insulin` and, through `date`, how many whole minutes ago it was; of the profile
// `curve`, `useCustomPeakTime` and `insulinPeakTime`; and its arguments `curve`, `dia` and `peak`. What upstream once
// answered for all of these is handed out again; total.js reads the two numbers of the answer and changes nothing.
// The minutes are counted by upstream's expression: `new Date` drops a fraction of a millisecond, then divided and rounded
// in the same order. So the key is the value iobCalc goes on with.
//
// Insulin that is not a number other than 0, an odd date, and a curve or peak that makes upstream print a line
// (see usual.js) go to upstream every time.
'use strict';

const { quietCurve } = require('./usual');

const MOST = 200000;

function contributions(upstream) {
    let settings = null;
    let quiet = false;
    let known = new Map();
    let size = 0;

    function forget() {
        settings = null;
        known = new Map();
        size = 0;
    }

    function isSame(curve, dia, peak, profile) {
        return settings !== null && settings.curve === curve && settings.dia === dia && settings.peak === peak
            && settings.profileCurve === profile.curve && settings.custom === profile.useCustomPeakTime
            && settings.customPeak === profile.insulinPeakTime;
    }

    function change(curve, dia, peak, profile) {
        forget();
        settings = {
            curve, dia, peak,
            profileCurve: profile.curve, custom: profile.useCustomPeakTime, customPeak: profile.insulinPeakTime,
        };
        quiet = quietCurve(profile) && typeof dia === 'number' && typeof peak === 'number';
    }

    function iobCalc(treatment, time, curve, dia, peak, profile) {
        const insulin = treatment.insulin;
        if (insulin === undefined) return upstream(treatment, time, curve, dia, peak, profile);
        if (!isSame(curve, dia, peak, profile)) change(curve, dia, peak, profile);
        const minutes = Math.round((time.getTime() - Math.trunc(treatment.date)) / 1000 / 60);
        if (!quiet || typeof insulin !== 'number' || !insulin || !(minutes >= 0)) {
            return upstream(treatment, time, curve, dia, peak, profile);
        }
        let ofInsulin = known.get(insulin);
        if (ofInsulin === undefined) known.set(insulin, ofInsulin = new Map());
        let found = ofInsulin.get(minutes);
        if (found === undefined) {
            found = upstream(treatment, time, curve, dia, peak, profile);
            ofInsulin.set(minutes, found);
            if (++size >= MOST) forget();
        }
        return found;
    }

    return { iobCalc, forget };
}

module.exports = { contributions };
