// Which days the accelerations were proved for. Everything here only says no: a day that is not usual in one respect is
// computed untouched. Each rule names what in oref0@0.7.1 it keeps away from.
'use strict';

const { Refusal } = require('./refusal');
const { usualSchedule } = require('./basal-lookup');

const LONGEST_TEMP_MINUTES = 1440;
const FASTEST_TEMP_U_PER_H = 500;

// lib/iob/calculate.js prints a line for every piece of insulin when the peak is out of these bounds.
const PEAKS = { 'rapid-acting': [50, 120], 'ultra-rapid': [35, 100] };

// Suspends and resumes change the temporary basals around them, and the durations of a pump's are looked up in their
// neighbours. Of every other kind of pump record (Prime, Rewind, CalBGForPH) lib/iob/history.js knows nothing.
const KNOWN_PUMP_RECORDS = ['PumpSuspend', 'PumpResume', 'Bolus', 'TempBasal', 'TempBasalDuration'];
const passedOver = (type) => typeof type === 'string' && !KNOWN_PUMP_RECORDS.includes(type);

const absent = (value) => value === undefined || value === null;
const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

// Whether lib/iob/total.js and lib/iob/calculate.js say nothing about the curve (they would say it once a call).
function quietCurve(profile) {
    if (profile.curve === undefined || profile.curve === 'bilinear') return true;
    const bounds = Object.hasOwn(PEAKS, profile.curve) ? PEAKS[profile.curve] : null;
    if (!bounds) return false;
    if (profile.useCustomPeakTime !== true || profile.insulinPeakTime === undefined) return true;
    const peak = profile.insulinPeakTime;
    return isNumber(peak) && peak >= bounds[0] && peak <= bounds[1];
}

function usualProfile(opts) {
    const profile = opts.profile;
    if (!quietCurve(profile)) throw new Refusal('curve');
    // A text would be joined, not added, where the curve is tuned.
    if (!isNumber(profile.dia)) throw new Refusal('dia');
    if (!usualSchedule(opts.pumpbasalprofile)) throw new Refusal('basal-schedule');
    if (!usualSchedule(opts.basalprofile)) throw new Refusal('basal-schedule');
    if (profile.basalprofile !== opts.basalprofile) throw new Refusal('basal-schedule');
    // lib/iob/history.js would scale basals by these.
    if (profile.exercise_mode || profile.temptargetSet) throw new Refusal('exercise');
}

// Whether lib/iob/history.js takes this record for a temporary basal.
function isTempBasal(record) {
    if (record.eventType !== 'Temp Basal') return false;
    // Its earlier branches would make a bolus of these.
    if (record.enteredBy === 'xdrip' || record.enteredBy === 'HAPP_App') throw new Refusal('temp-entered-by');
    const { duration, rate, absolute, amount } = record;
    if (!absent(duration) && !(isNumber(duration) && duration >= 0 && duration <= LONGEST_TEMP_MINUTES)) {
        throw new Refusal('temp-duration');
    }
    for (const value of [rate, absolute]) {
        if (!absent(value) && !(isNumber(value) && Math.abs(value) <= FASTEST_TEMP_U_PER_H)) {
            throw new Refusal('temp-rate');
        }
    }
    if (amount !== undefined) {
        // Loop: the rate is what was delivered by the duration.
        if (!isNumber(amount) || !isNumber(duration) || duration <= 0) throw new Refusal('temp-amount');
        if (Math.abs(amount / duration * 60) > FASTEST_TEMP_U_PER_H) throw new Refusal('temp-rate');
    }
    return true;
}

// lib/iob/history.js takes the bolus a pump reported for the record around it.
function hasPumpBolus(record) {
    return Boolean(record.bolus) && record.bolus._type === 'Bolus';
}

// It has then an instant of its own, by which it could be out of order, and be in the future.
function usualPumpBolus(record, temp, ms, instant) {
    const { created_at, timestamp, amount } = record.bolus;
    if (temp || created_at !== undefined || typeof timestamp !== 'string') throw new Refusal('pump-record');
    if (new Date(timestamp).getTime() !== ms || instant(timestamp) !== ms) throw new Refusal('pump-record');
    if (!absent(amount) && !isNumber(amount)) throw new Refusal('insulin');
}

// The instants of the history (newest first, as prep sorted it) and which records are temporary basals.
function usualHistory(history, instant) {
    if (!Array.isArray(history)) throw new Refusal('history');
    const ms = new Float64Array(history.length);
    const temps = new Uint8Array(history.length);
    let newerTemp = NaN;
    history.forEach((record, n) => {
        if (typeof record !== 'object' || record === null || Array.isArray(record)) throw new Refusal('history');
        if (record._type !== undefined && !passedOver(record._type)) throw new Refusal('pump-record');
        if (typeof record.created_at !== 'string') throw new Refusal('created-at');
        // Upstream reads the same text in two ways, and skips a record that is newer than the one before it.
        ms[n] = new Date(record.created_at).getTime();
        if (ms[n] !== instant(record.created_at)) throw new Refusal('created-at');
        if (n > 0 && !(ms[n] <= ms[n - 1])) throw new Refusal('order');
        if (!absent(record.insulin) && !isNumber(record.insulin)) throw new Refusal('insulin');
        const temp = isTempBasal(record);
        if (hasPumpBolus(record)) usualPumpBolus(record, temp, ms[n], instant);
        if (temp) {
            if (ms[n] === newerTemp) throw new Refusal('temps-at-once');
            newerTemp = ms[n];
            temps[n] = 1;
        }
    });
    return { ms, temps };
}

// A date that is a text would be read by moment, with a warning or not.
function usualGlucose(glucose) {
    if (!Array.isArray(glucose)) throw new Refusal('glucose');
    for (const reading of glucose) {
        if (typeof reading !== 'object' || reading === null) throw new Refusal('glucose');
        if (!absent(reading.date) && !isNumber(reading.date)) throw new Refusal('glucose');
    }
}

module.exports = { quietCurve, usualProfile, usualHistory, usualGlucose };
