// Runs of which only the last profile is wanted: repetitions over drawn days, variants, probes. Nothing but that is written.
//
// What upstream makes of a day depends on the day's records, its options and the two profiles alone, so a day that comes
// again with the same ones is remembered. The days' texts stay in memory, and what they say, of which each computation is
// given a copy. With "exact" nothing is remembered, and everything parsed anew.
'use strict';

const fs = require('fs');
const path = require('path');
const { createHash } = require('crypto');

const { optionsOf, tuneDay } = require('./days');
const { entriesOf, ofTexts, treatmentsOf } = require('./inputs');
const { Records } = require('./records');

// In characters, which are a byte or two each: enough for the texts of months and for all days of a usual run.
const MOST_TEXT = 40e6;
const MOST_PARSED = 12e6; // each takes three times as much, for a month of dense days
const MOST_REMEMBERED = 20e6;
// Of the days that came again so many are kept with what they were asked for, to be computed anew (`again`).
const MOST_USES = 100;

// By name, forgotten all at once when they have become too many.
class Kept {
    constructor(most) {
        this.most = most;
        this.forget();
    }

    forget() {
        this.known = new Map();
        this.size = 0;
    }

    get(name) {
        return this.known.get(name);
    }

    set(name, value, size = value.length) {
        if (this.size + size > this.most) this.forget();
        this.known.set(name, value);
        this.size += size;
        return value;
    }
}

class Trials {
    constructor(upstream) {
        this.upstream = upstream;
        this.dir = null;
        this.texts = new Kept(MOST_TEXT);
        this.parsed = new Kept(MOST_PARSED);
        this.results = new Kept(MOST_REMEMBERED);
        this.uses = [];
    }

    text(name) {
        const known = this.texts.get(name);
        if (known !== undefined) return known;
        return this.texts.set(name, fs.readFileSync(path.join(this.dir, name), 'utf8'));
    }

    records(name) {
        const known = this.parsed.get(name);
        if (known !== undefined) return known;
        const text = this.text(name);
        return this.parsed.set(name, new Records(text), text.length);
    }

    inputOf(label, name) {
        return { label, text: () => this.text(name), records: () => this.records(name) };
    }

    tune(date, options, pump, profile) {
        const treatments = this.inputOf('treatments', treatmentsOf(date));
        const glucose = this.inputOf('glucose', entriesOf(date));
        return tuneDay(this.upstream, { treatments, glucose, ...ofTexts({ profile, pumpprofile: pump }) }, options);
    }

    // A directory's files are taken not to change while one process works on them.
    workIn(work) {
        const dir = path.join(work, 'autotune');
        if (this.dir === dir) return;
        this.dir = dir;
        this.texts.forget();
        this.parsed.forget();
        this.results.forget();
        this.uses = [];
    }

    // {computed, failure}: how many days were computed, and `failure` is where upstream stopped, with its date,
    // or null. The last profile goes to job.result, and prep's output of the last day to job.prepared if that is named.
    run(job) {
        this.workIn(job.work);
        const options = { ...optionsOf(job), keepWords: false };
        let profile = job.start;
        let computed = 0;
        let prepared = null;
        for (const date of job.dates) {
            const name = options.exact || job.prepared ? null : nameOf(date, options, job.pump, profile);
            const known = name === null ? undefined : this.results.get(name);
            if (known !== undefined) {
                this.uses.push({ of: [date, options, job.pump, profile], text: known });
                profile = known;
                continue;
            }
            const { prepped, tuned, failure } = this.tune(date, options, job.pump, profile);
            computed += 1;
            if (failure) return { computed, failure: { date, ...failure } };
            profile = tuned.stdout;
            if (name !== null) this.results.set(name, profile);
            prepared = prepped.stdout;
        }
        if (this.uses.length > MOST_USES) this.uses = this.uses.filter((_, n) => n % 2 === 0);
        fs.writeFileSync(job.result, profile);
        if (job.prepared) fs.writeFileSync(job.prepared, prepared);
        return { computed, failure: null };
    }

    // So many of the days that were remembered computed anew, from all over; what differs, as "DATE: what".
    again(count) {
        const step = Math.max(1, Math.floor(this.uses.length / count));
        const some = this.uses.filter((_, n) => n % step === 0).slice(0, count);
        const differs = ({ text, of }) => { const { tuned } = this.tune(...of); return !tuned || tuned.stdout !== text; };
        return some.filter(differs).map(({ of }) => `${of[0]}: remembered`);
    }
}

function nameOf(date, options, pump, profile) {
    const { categorize_uam_as_basal, tune_insulin_curve } = options;
    const parts = [date, categorize_uam_as_basal, tune_insulin_curve, pump, profile];
    return createHash('sha256').update(JSON.stringify(parts)).digest('latin1');
}

module.exports = { Trials };
