// Drives upstream oref0's unmodified autotune for whole ranges of days in one process.
//
//   node run.js --oref0 DIR [--jobs FILE] [--exact] [--tell-installed]
//
// Jobs are NDJSON from FILE, else from standard input.
//
// A job: {"job": id, "work": directory, "dates": ["YYYY-MM-DD", ...],
//         "categorize_uam_as_basal": bool, "tune_insulin_curve": bool, "exact": bool, "check": see self-check.js,
//         "utc_offsets": [[epoch_ms, minutes east of UTC], ...]}
// `work` is laid out as upstream's OpenAPS directory after its driver has set it up: autotune/profile.pump.json,
// autotune/profile.json, autotune/ns-entries.DATE.json and autotune/ns-treatments.DATE.json.
// Written there, as bin/oref0-autotune.sh would: profile.DATE.json, autotune.DATE.json, newprofile.DATE.json, profile.json;
// and beside them, upstream's own words: log.DATE.prep.txt, log.DATE.core.txt.
//
// Upstream's functions are called with the accelerations of faster/ standing before some of them. With --exact, or "exact"
// in a job, nothing stands before anything; and so for a day that is unusual in any respect, which is then done again
// from its files. The events say it: "faster" at the start, "way" and "fallback" for each day. Where the self-check finds a
// difference ("checked"), all days are computed again with nothing standing before anything ("again"). With --tell-installed
// the first event ("installed") has the digest of every package beside oref0, for whoever cannot read them (tree.js).
//
// Standard output carries one JSON object a line and never a record of anybody's data.
'use strict';

const fs = require('fs');
const path = require('path');
const readline = require('readline');

const { capture } = require('./capture');
const { prep } = require('./prep');
const { core } = require('./core');
const { Refusal } = require('./faster');
const { SelfCheck } = require('./self-check');
const { packageDigests } = require('./tree');
const { Upstream } = require('./upstream');

const realWrite = process.stdout.write.bind(process.stdout);
const say = (event) => realWrite(JSON.stringify(event) + '\n');

function option(name) {
    const at = process.argv.indexOf(name);
    return at < 0 ? undefined : process.argv[at + 1];
}

// Every deviation is booked on the hour this process believes it is, so the zone is proved, not assumed:
// an unknown name is silently UTC in Node.
function wrongOffset(expected) {
    for (const [epochMs, minutes] of expected || []) {
        const here = -new Date(epochMs).getTimezoneOffset();
        if (here !== minutes) return { at: new Date(epochMs).toISOString(), expected: minutes, here };
    }
    return null;
}

// bin/oref0-autotune.sh takes a new profile only if jq can read it and finds the word "start" in it.
function isProfile(text) {
    try {
        return JSON.stringify(JSON.parse(text)).includes('start');
    } catch (error) {
        return false;
    }
}

// The faster way, if it is open; the untouched way if not, or if the faster one does not end well: whatever stopped it,
// untouched upstream is to say it itself.
function prepDay(upstream, exact, inputs) {
    let fallback = upstream.refused || (exact ? 'asked' : null);
    for (const way of fallback ? ['untouched'] : ['faster', 'untouched']) {
        const modules = upstream.way(way);
        const prepped = capture(() => prep(modules, inputs));
        if (way === 'untouched') return { ...prepped, way, fallback };
        if (prepped.status === 0) return { ...prepped, way };
        fallback = prepped.error instanceof Refusal ? prepped.error.code : 'stopped';
    }
}

function runDay(upstream, job, date) {
    const dir = path.join(job.work, 'autotune');
    const file = (name) => path.join(dir, name);
    fs.copyFileSync(file('profile.json'), file(`profile.${date}.json`));

    const prepped = prepDay(upstream, job.exact, {
        treatments: file(`ns-treatments.${date}.json`),
        profile: file('profile.json'),
        glucose: file(`ns-entries.${date}.json`),
        pumpprofile: file('profile.pump.json'),
        categorize_uam_as_basal: Boolean(job.categorize_uam_as_basal),
        tune_insulin_curve: Boolean(job.tune_insulin_curve),
    });
    const how = prepped.way === 'faster' ? { way: 'faster' } : { way: 'untouched', fallback: prepped.fallback };
    upstream.endDay(prepped.stderr);
    fs.writeFileSync(file(`autotune.${date}.json`), prepped.stdout);
    fs.writeFileSync(file(`log.${date}.prep.txt`), prepped.stderr);
    if (prepped.status !== 0) return { how, failure: { stage: 'prep', status: prepped.status } };

    const tuned = capture(() => core(upstream.common, {
        prepped: file(`autotune.${date}.json`),
        profile: file('profile.json'),
        pumpprofile: file('profile.pump.json'),
    }));
    fs.writeFileSync(file(`newprofile.${date}.json`), tuned.stdout);
    fs.writeFileSync(file(`log.${date}.core.txt`), tuned.stderr);
    if (tuned.status !== 0) return { how, failure: { stage: 'core', status: tuned.status } };
    if (!isProfile(tuned.stdout)) return { how, failure: { stage: 'core', status: 0 } };

    fs.copyFileSync(file(`newprofile.${date}.json`), file('profile.json'));
    return { how, failure: null };
}

// Where upstream stopped, as an event; null when it came to the end of the last day.
function runDays(upstream, job) {
    const dates = job.dates;
    for (let index = 0; index < dates.length; index++) {
        const began = process.hrtime.bigint();
        const { how, failure } = runDay(upstream, job, dates[index]);
        const ms = Number(process.hrtime.bigint() - began) / 1e6;
        const day = { job: job.job, date: dates[index], index: index + 1, of: dates.length, ms: Math.round(ms), ...how };
        if (failure) return { event: 'stopped', ...day, ...failure };
        say({ event: 'day', ...day });
    }
    return null;
}

function forgetDays(job, start) {
    const dir = path.join(job.work, 'autotune');
    for (const date of job.dates) {
        const names = [`profile.${date}.json`, `autotune.${date}.json`, `newprofile.${date}.json`];
        for (const name of [...names, `log.${date}.prep.txt`, `log.${date}.core.txt`]) {
            fs.rmSync(path.join(dir, name), { force: true });
        }
    }
    fs.writeFileSync(path.join(dir, 'profile.json'), start);
}

async function runChecked(upstream, job, root) {
    const start = fs.readFileSync(path.join(job.work, 'autotune', 'profile.json'));
    const check = new SelfCheck(job, root);
    try {
        const stopped = runDays(upstream, job);
        if (stopped) return stopped;
        const { how, failure } = runDay(upstream, check.faster, check.date);
        const { same, differing } = await check.compare(failure);
        say({ event: 'checked', job: job.job, date: check.date, ...how, same, differing });
        if (same !== false) return null;
    } finally {
        await check.end();
    }
    say({ event: 'again', job: job.job });
    forgetDays(job, start);
    return runDays(upstream, { ...job, exact: true });
}

async function runJob(upstream, job, root) {
    const wrong = wrongOffset(job.utc_offsets);
    if (wrong) {
        say({ event: 'refused', job: job.job, reason: 'timezone', zone: process.env.TZ || '', ...wrong });
        return;
    }
    const checked = job.check && !job.exact && upstream.refused === null;
    const stopped = checked ? await runChecked(upstream, job, root) : runDays(upstream, job);
    // Last of all: what reads the events takes the job for finished.
    say(stopped || {
        event: 'done', job: job.job, days: job.dates.length, peak_rss_kb: process.resourceUsage().maxRSS,
    });
}

async function main() {
    const root = path.resolve(option('--oref0') || path.join(__dirname, '..', 'node_modules', 'oref0'));
    if (process.argv.includes('--tell-installed')) {
        say({ event: 'installed', packages: packageDigests(path.dirname(root)) });
    }
    const upstream = new Upstream(root, process.argv.includes('--exact'));
    say({ event: 'start', node: process.version, oref0: upstream.version, faster: upstream.faster });
    const jobs = option('--jobs');
    const lines = readline.createInterface({ input: jobs ? fs.createReadStream(jobs) : process.stdin });
    for await (const line of lines) {
        if (!line.trim()) continue;
        try {
            await runJob(upstream, JSON.parse(line), root);
        } finally {
            upstream.endJob();
        }
    }
}

main().catch((error) => {
    // The name and code only: a message may quote what was being read.
    say({ event: 'broken', error: error.name, code: error.code || null });
    process.exitCode = 70;
});
