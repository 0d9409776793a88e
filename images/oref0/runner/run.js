// Drives upstream oref0's unmodified autotune for whole ranges of days in one process.
//
//   node run.js --oref0 DIR [--jobs FILE] [--exact] [--tell-installed]
//
// Jobs are NDJSON from FILE, else from standard input. All of them have
//   {"job": id, "work": directory, "categorize_uam_as_basal": bool, "tune_insulin_curve": bool, "exact": bool,
//    "utc_offsets": [[epoch_ms, minutes east of UTC], ...]}
// and one of
//   "dates": ["YYYY-MM-DD", ...], "check": [{"date", "readings": [from, to] or null}, ...]
//      A run. `work` is laid out as upstream's OpenAPS directory after its driver has set it up:
//      autotune/profile.pump.json, autotune/profile.json, autotune/ns-entries.DATE.json, autotune/ns-treatments.DATE.json.
//      Written there, as bin/oref0-autotune.sh would: profile.DATE.json, autotune.DATE.json, newprofile.DATE.json,
//      profile.json; and beside them, upstream's own words: log.DATE.prep.txt, log.DATE.core.txt.
//      The parts of days in `check` are computed a second time (self-check.js).
//   "trial": true, "dates": [...], "pump": text, "start": text, "result": file, "prepared": file or null
//      A run of which only the last profile is wanted (trials.js).
//   "compare": [{"date", "readings", "pump": text, "profile": text, options}, ...], "again": how many
//      Parts of days of earlier trials computed a second time, and so many remembered days anew.
//   "part": number, "date", "readings", "pump": text, "profile": text
//      One part, for the process that asks (self-check.js).
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

const { optionsOf, tuneDay } = require('./days');
const { ofDirectory } = require('./inputs');
const { SelfCheck, computePart } = require('./self-check');
const { packageDigests } = require('./tree');
const { Trials } = require('./trials');
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

function runDay(upstream, job, date) {
    const dir = path.join(job.work, 'autotune');
    const file = (name) => path.join(dir, name);
    fs.copyFileSync(file('profile.json'), file(`profile.${date}.json`));
    const { how, prepped, tuned, failure } = tuneDay(upstream, ofDirectory(dir, date), optionsOf(job));
    fs.writeFileSync(file(`autotune.${date}.json`), prepped.stdout);
    fs.writeFileSync(file(`log.${date}.prep.txt`), prepped.stderr);
    if (tuned) {
        fs.writeFileSync(file(`newprofile.${date}.json`), tuned.stdout);
        fs.writeFileSync(file(`log.${date}.core.txt`), tuned.stderr);
    }
    if (!failure) fs.copyFileSync(file(`newprofile.${date}.json`), file('profile.json'));
    return { how, failure };
}

// Where upstream stopped, as an event; null when it came to the end of the last day. `check` is fed each day's parts.
function runDays(upstream, job, check) {
    const dates = job.dates;
    for (let index = 0; index < dates.length; index++) {
        const began = process.hrtime.bigint();
        const { how, failure } = runDay(upstream, job, dates[index]);
        const ms = Number(process.hrtime.bigint() - began) / 1e6;
        const day = { job: job.job, date: dates[index], index: index + 1, of: dates.length, ms: Math.round(ms), ...how };
        if (check) addParts(upstream, job, dates[index], check);
        if (failure) return { event: 'stopped', ...day, ...failure };
        say({ event: 'day', ...day });
    }
    return null;
}

function addParts(upstream, job, date, check) {
    const parts = job.check.filter((part) => part.date === date);
    if (parts.length === 0) return;
    const text = (name) => fs.readFileSync(path.join(job.work, 'autotune', name), 'utf8');
    // What the run had when the day began.
    const given = { work: job.work, pump: text('profile.pump.json'), profile: text(`profile.${date}.json`) };
    for (const { readings } of parts) check.add(upstream, { ...optionsOf(job), ...given, date, readings });
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
    const check = new SelfCheck(root);
    try {
        const stopped = runDays(upstream, job, check);
        const found = await check.compare();
        say({ event: 'checked', job: job.job, ...found });
        if (found.same !== false) return stopped;
    } finally {
        await check.end();
    }
    say({ event: 'again', job: job.job });
    forgetDays(job, start);
    return runDays(upstream, { ...job, exact: true });
}

async function runTune({ root, upstream }, job) {
    const checked = job.check && job.check.length > 0 && !job.exact && upstream.refused === null;
    const stopped = checked ? await runChecked(upstream, job, root) : runDays(upstream, job);
    upstream.endJob();
    return stopped || { event: 'done', job: job.job, days: job.dates.length };
}

function runTrial({ trials }, job) {
    const { computed, failure } = trials.run(job);
    if (failure) return { event: 'stopped', job: job.job, way: null, ...failure };
    return { event: 'done', job: job.job, days: job.dates.length, computed };
}

async function runCompare({ root, upstream, trials }, job) {
    const check = new SelfCheck(root);
    try {
        for (const part of job.compare) check.add(upstream, { work: job.work, ...part });
        const found = await check.compare();
        const differing = [...found.differing, ...trials.again(job.again)];
        const same = differing.length > 0 ? false : found.same;
        say({ event: 'checked', job: job.job, ...found, differing, same });
    } finally {
        await check.end();
    }
    return { event: 'done', job: job.job, days: 0 };
}

// The kernel's mark for this program; the other one starts from that of whatever program started it.
function peakKb() {
    try {
        return Number(/^VmHWM:\s*(\d+) kB$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]);
    } catch (error) {
        return process.resourceUsage().maxRSS;
    }
}

async function runJob(context, job) {
    if (job.part !== undefined) {
        say({ event: 'part', part: job.part, outcome: computePart(context.upstream, job) });
        return;
    }
    const wrong = wrongOffset(job.utc_offsets);
    if (wrong) {
        say({ event: 'refused', job: job.job, reason: 'timezone', zone: process.env.TZ || '', ...wrong });
        return;
    }
    const run = job.trial ? runTrial : job.compare ? runCompare : runTune;
    const end = await run(context, job);
    // Last of all: what reads the events takes the job for finished.
    say({ ...end, peak_rss_kb: peakKb() });
}

async function main() {
    const root = path.resolve(option('--oref0') || path.join(__dirname, '..', 'node_modules', 'oref0'));
    if (process.argv.includes('--tell-installed')) {
        say({ event: 'installed', packages: packageDigests(path.dirname(root)) });
    }
    const upstream = new Upstream(root, process.argv.includes('--exact'));
    const trials = new Trials(upstream);
    say({ event: 'start', node: process.version, oref0: upstream.version, faster: upstream.faster });
    const jobs = option('--jobs');
    const lines = readline.createInterface({ input: jobs ? fs.createReadStream(jobs) : process.stdin });
    for await (const line of lines) {
        if (!line.trim()) continue;
        await runJob({ root, upstream, trials }, JSON.parse(line));
    }
}

main().catch((error) => {
    // The name and code only: a message may quote what was being read.
    say({ event: 'broken', error: error.name, code: error.code || null });
    process.exitCode = 70;
});
