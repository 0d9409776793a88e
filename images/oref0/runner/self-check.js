// One day computed twice in every run: by the accelerated process, and at the same time by untouched upstream in a second one.
//
// A job names the day: {"check": {"date": "YYYY-MM-DD", "readings": [from, to] or null}}; `readings` keeps the check to
// a part of the day, so that it costs little (flows/oref0/self_check.py). Both start from the job's own start profile, so the
// second process need not wait for the days before. Whatever keeps the second process from coming to an end counts as a
// difference; and so does a day on which only one of the two stops. Where both stop in the same way before anything is
// prepared, nothing was compared: neither a difference nor a proof.
'use strict';

const fs = require('fs');
const path = require('path');
const { spawn } = require('child_process');

const RUN = path.join(__dirname, 'run.js');

const outputs = (date) => [
    `autotune.${date}.json`, `newprofile.${date}.json`, 'profile.json', `log.${date}.prep.txt`, `log.${date}.core.txt`,
];

const contentOf = (file) => (fs.existsSync(file) ? fs.readFileSync(file, 'latin1') : null);

// The stack of what was thrown names the functions that called upstream, and those are others in the two processes.
const withoutStack = (text) => text && text.split('\n').filter((line) => !/^\s+at /.test(line)).join('\n');

const howItStopped = (failure) => (failure ? `${failure.stage} ${failure.status}` : 'no');

function part(text, readings) {
    try {
        return JSON.stringify(JSON.parse(text).slice(...readings));
    } catch (error) {
        return text;
    }
}

class SelfCheck {
    constructor(job, root) {
        this.date = job.check.date;
        this.readings = job.check.readings || null;
        this.dir = path.join(job.work, 'check');
        fs.rmSync(this.dir, { recursive: true, force: true });
        this.untouched = this.layOut(job, 'untouched');
        this.faster = this.layOut(job, 'faster');
        fs.writeFileSync(path.join(this.dir, 'job.json'), JSON.stringify({ ...this.untouched, exact: true }));
        const options = ['--oref0', root, '--exact', '--jobs', path.join(this.dir, 'job.json')];
        const events = fs.openSync(path.join(this.dir, 'events.ndjson'), 'w');
        this.process = spawn(process.execPath, [...process.execArgv, RUN, ...options], { stdio: ['ignore', events, 'ignore'] });
        fs.closeSync(events);
        this.ended = new Promise((resolve) => {
            this.process.on('error', () => resolve(null));
            this.process.on('exit', (status) => resolve(status));
        });
    }

    layOut(job, name) {
        const work = path.join(this.dir, name);
        const from = path.join(job.work, 'autotune');
        const to = path.join(work, 'autotune');
        fs.mkdirSync(to, { recursive: true });
        const files = ['profile.pump.json', 'profile.json', `ns-entries.${this.date}.json`, `ns-treatments.${this.date}.json`];
        for (const file of files) {
            if (!fs.existsSync(path.join(from, file))) continue;
            const text = fs.readFileSync(path.join(from, file), 'utf8');
            const kept = this.readings && file.startsWith('ns-entries') ? part(text, this.readings) : text;
            fs.writeFileSync(path.join(to, file), kept);
        }
        return { ...job, job: 'check', work, dates: [this.date], check: null };
    }

    // The second process's last event; none where it said nothing that can be read.
    lastEvent() {
        try {
            const lines = fs.readFileSync(path.join(this.dir, 'events.ndjson'), 'utf8').trim().split('\n');
            return JSON.parse(lines[lines.length - 1]);
        } catch (error) {
            return { event: null };
        }
    }

    // Whether both computed the same, `null` where there was nothing to compare, and what differs: names of files.
    // `failure` is where the accelerated process stopped, or null.
    async compare(failure) {
        const differing = await this.differing(failure);
        if (differing.length > 0) return { same: false, differing };
        return { same: failure && failure.stage === 'prep' ? null : true, differing };
    }

    async differing(failure) {
        const status = await this.ended; // the second process's
        if (status !== 0) return [`status ${status}`];
        const end = this.lastEvent();
        if (end.event !== 'done' && end.event !== 'stopped') return ['nothing computed'];
        const [here, there] = [failure, end.event === 'stopped' ? end : null].map(howItStopped);
        if (here !== there) return [`stopped: ${here} and ${there}`];
        const [a, b] = [this.untouched, this.faster].map((job) => path.join(job.work, 'autotune'));
        const content = failure ? (file) => withoutStack(contentOf(file)) : contentOf;
        return outputs(this.date).filter((name) => content(path.join(a, name)) !== content(path.join(b, name)));
    }

    async end() {
        this.process.kill('SIGKILL');
        await this.ended;
        fs.rmSync(this.dir, { recursive: true, force: true });
    }
}

module.exports = { SelfCheck };
