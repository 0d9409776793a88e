// One day computed twice in every run: by the accelerated process, and at the same time by untouched upstream in a second one.
//
// A job names the day: {"check": {"date": "YYYY-MM-DD", "readings": [from, to] or null}}; `readings` keeps the check to
// a part of the day, so that it costs little (flows/oref0/self_check.py). Both start from the job's own start profile, so the second process need not wait for the
// days before. Whatever it is that keeps the second from ending well counts as a difference.
'use strict';

const fs = require('fs');
const path = require('path');
const { spawn } = require('child_process');

const RUN = path.join(__dirname, 'run.js');

const outputs = (date) => [
    `autotune.${date}.json`, `newprofile.${date}.json`, 'profile.json', `log.${date}.prep.txt`, `log.${date}.core.txt`,
];

const contentOf = (file) => (fs.existsSync(file) ? fs.readFileSync(file) : null);

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
        this.process = spawn(process.execPath, [...process.execArgv, RUN, ...options], { stdio: 'ignore' });
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

    // The names of the files that differ; `status` is the second process's.
    async differing() {
        const status = await this.ended;
        if (status !== 0) return [`status ${status}`];
        const [a, b] = [this.untouched, this.faster].map((job) => path.join(job.work, 'autotune'));
        if (!fs.existsSync(path.join(a, `autotune.${this.date}.json`))) return ['nothing computed'];
        return outputs(this.date).filter((name) => {
            const [one, other] = [contentOf(path.join(a, name)), contentOf(path.join(b, name))];
            return one === null || other === null ? one !== other : !one.equals(other);
        });
    }

    async end() {
        this.process.kill('SIGKILL');
        await this.ended;
        fs.rmSync(this.dir, { recursive: true, force: true });
    }
}

module.exports = { SelfCheck };
