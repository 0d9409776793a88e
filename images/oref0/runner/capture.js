// Runs one of upstream's commands in this process and keeps what it would have printed, apart. Where nobody reads its
// words (`keepWords` false) those of console.error are not even put together: they are a tenth of a day's work.
'use strict';

const { format } = require('util');

// Upstream writes through console.error, process.stderr.write and console.log; its curve tuning also replaces
// console.error and, when it throws, leaves it replaced.
const silent = () => {};

function capture(command, keepWords = true) {
    const original = {
        stdout: process.stdout.write,
        stderr: process.stderr.write,
        error: console.error,
        log: console.log,
    };
    const written = { stdout: [], stderr: [] };
    const keep = (stream) => (chunk) => { written[stream].push(String(chunk)); return true; };
    let status = 0;
    let error = null;
    process.stdout.write = keep('stdout');
    process.stderr.write = keep('stderr');
    // What Node's own do for a stream that is no terminal, without the round through the debugger's console: upstream
    // writes hundreds of lines a day.
    console.log = (...words) => { written.stdout.push(`${format(...words)}\n`); };
    console.error = keepWords ? (...words) => { written.stderr.push(`${format(...words)}\n`); } : silent;
    try {
        command();
    } catch (thrown) {
        // As a command of its own it would have died here: status 1 and the stack on standard error.
        status = 1;
        error = thrown;
        written.stderr.push(`${thrown && thrown.stack ? thrown.stack : thrown}\n`);
    } finally {
        process.stdout.write = original.stdout;
        process.stderr.write = original.stderr;
        console.error = original.error;
        console.log = original.log;
    }
    return { status, error, stdout: written.stdout.join(''), stderr: written.stderr.join('') };
}

module.exports = { capture };
