// Parts of days computed twice in every run: by this process, whose accelerations have gone through everything before, and
// at the same time by untouched upstream in a second process.
//
// A part is some readings of a day and the treatments of their hours; it begins from the profile that the run had on that day.
// flows/oref0/self_check.py chooses the parts. Compared are digests of what prep and core printed and of their words, and the
// basal rates of the part's date: of what a rate decides few readings show anything.
// Whatever keeps the second process from answering counts as a difference, and so does a part on which only one of the two
// stops. Where both stop in the same way nothing was compared: neither a difference nor a proof.
'use strict';

const path = require('path');
const readline = require('readline');
const { createHash } = require('crypto');
const { spawn } = require('child_process');

const { capture } = require('./capture');
const { optionsOf, tuneDay } = require('./days');
const { ofDirectory, ofTexts } = require('./inputs');

const RUN = path.join(__dirname, 'run.js');

const HOUR_MS = 60 * 60 * 1000;
const BEFORE_MS = 8 * HOUR_MS;
const AFTER_MS = HOUR_MS;

const digest = (text) => createHash('sha256').update(text).digest('hex');

// The stack of what was thrown names the functions that called upstream, and those are others in the two processes.
const withoutStack = (text) => text.split('\n').filter((line) => !/^\s+at /.test(line)).join('\n');

// The records of the day of which parts were taken last: a day has several.
let day = { treatments: '', glucose: '' };

function dayOf(treatments, glucose) {
    if (day.treatments !== treatments || day.glucose !== glucose) {
        const records = JSON.parse(treatments);
        const ms = records.map((record) => (record ? Date.parse(record.created_at) : NaN));
        day = { treatments, glucose, records, ms, readings: JSON.parse(glucose) };
    }
    return day;
}

// The records of a part's hours and of the hours before them: upstream looks back six (lib/autotune-prep/categorize.js)
// and untouched it reads the whole history anew for every reading. What cannot be told by its time stays.
function ofHours({ records, ms }, first, last) {
    return records.filter((_, n) => !(ms[n] < first - BEFORE_MS) && !(ms[n] > last + AFTER_MS));
}

// The treatments and the glucose of a part, as texts; those of the whole day where it has all readings, or no dates.
function textsOf(part, treatments, glucose) {
    try {
        if (!part.readings) return { treatments, glucose };
        const whole = dayOf(treatments, glucose);
        const readings = whole.readings.slice(...part.readings);
        const dates = readings.map((reading) => reading.date);
        const records = ofHours(whole, Math.min(...dates), Math.max(...dates));
        return { treatments: JSON.stringify(records), glucose: JSON.stringify(readings) };
    } catch (error) {
        return { treatments, glucose };
    }
}

function inputsOf(part) {
    const { treatments, glucose } = ofDirectory(path.join(part.work, 'autotune'), part.date);
    const profiles = ofTexts({ profile: part.profile, pumpprofile: part.pump });
    try {
        return { ...ofTexts(textsOf(part, treatments.text(), glucose.text())), ...profiles };
    } catch (error) {
        return { treatments, glucose, ...profiles }; // a file that cannot be read: upstream says so
    }
}

// What basalLookup says, the way the part is computed, of both schedules in the middle of each hour of the part's date.
function ratesOf(upstream, way, part) {
    const { basalLookup } = upstream.way(way);
    const [year, month, date] = part.date.split('-').map(Number);
    return capture(() => {
        for (const profile of [part.profile, part.pump]) {
            const schedule = JSON.parse(profile).basalprofile;
            for (let hour = 0; hour < 24; hour++) {
                console.log(basalLookup(schedule, new Date(year, month - 1, date, hour, 30)));
            }
        }
    }, false).stdout;
}

// What a part comes to, in this process. `failed` says where upstream stopped; the rest are digests.
function computePart(upstream, part) {
    const { how, prepped, tuned, failure } = tuneDay(upstream, inputsOf(part), optionsOf(part));
    const words = prepped.stderr + (tuned ? tuned.stderr : '');
    return {
        way: how.way,
        failed: failure ? `${failure.stage} ${failure.status}` : null,
        prepared: digest(prepped.stdout),
        newprofile: digest(tuned ? tuned.stdout : ''),
        rates: digest(ratesOf(upstream, how.way, part)),
        words: digest(failure ? withoutStack(words) : words),
    };
}

class SelfCheck {
    constructor(root) {
        this.here = [];
        this.there = new Map();
        const options = ['--oref0', root, '--exact'];
        this.process = spawn(process.execPath, [...process.execArgv, RUN, ...options], { stdio: ['pipe', 'pipe', 'ignore'] });
        this.process.stdin.on('error', () => {}); // it has ended: its missing answers say so
        const lines = readline.createInterface({ input: this.process.stdout });
        lines.on('line', (line) => this.hear(line));
        this.ended = new Promise((resolve) => {
            this.process.on('error', resolve);
            this.process.on('close', resolve);
        });
    }

    hear(line) {
        try {
            const event = JSON.parse(line);
            if (event.event === 'part') this.there.set(event.part, event.outcome);
        } catch (error) {
            // No answer: a difference.
        }
    }

    // A part: the work directory and the date, the slice of its `readings` or null for all, the two profiles as texts, and
    // the options.
    add(upstream, part) {
        this.process.stdin.write(JSON.stringify({ part: this.here.length, ...part }) + '\n');
        this.here.push({ date: part.date, outcome: computePart(upstream, part) });
    }

    // Whether both computed the same, `null` where there was nothing to compare; and what differs, as "DATE: what".
    async compare() {
        this.process.stdin.end();
        await this.ended;
        const differing = [];
        let compared = 0;
        let faster = false;
        this.here.forEach(({ date, outcome }, n) => {
            const found = differences(outcome, this.there.get(n));
            if (outcome.failed === null && found.length === 0) compared += 1;
            faster ||= outcome.way === 'faster';
            differing.push(...found.map((what) => `${date}: ${what}`));
        });
        const same = differing.length > 0 ? false : compared > 0 ? true : null;
        return { same, differing, parts: this.here.length, compared, way: faster ? 'faster' : 'untouched' };
    }

    async end() {
        this.process.kill('SIGKILL');
        await this.ended;
    }
}

function differences(here, there) {
    if (there === undefined) return ['no answer'];
    if (here.failed !== there.failed) return [`stopped: ${here.failed || 'no'} and ${there.failed || 'no'}`];
    return ['prepared', 'newprofile', 'words', 'rates'].filter((what) => here[what] !== there[what]);
}

module.exports = { SelfCheck, computePart };
