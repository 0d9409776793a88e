// One day of upstream's autotune: prep, then core, each as a command of its own would have gone.
'use strict';

const { capture } = require('./capture');
const { core } = require('./core');
const { Refusal } = require('./faster');
const { asText, readAnew } = require('./inputs');
const { prep } = require('./prep');

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
function prepDay(upstream, inputs, options) {
    let fallback = upstream.refused || (options.exact ? 'asked' : null);
    for (const way of fallback ? ['untouched'] : ['faster', 'untouched']) {
        const modules = upstream.way(way);
        const given = way === 'untouched' ? readAnew(inputs) : inputs;
        const prepped = capture(() => prep(modules, given, options), options.keepWords);
        if (way === 'untouched') return { ...prepped, how: { way, fallback } };
        if (prepped.status === 0) return { ...prepped, how: { way } };
        fallback = prepped.error instanceof Refusal ? prepped.error.code : 'stopped';
    }
}

// `inputs` as of inputs.js; `options`: categorize_uam_as_basal, tune_insulin_curve, exact, and keepWords for whether
// upstream's words are read. Gives what prep and core printed (`tuned` null where core was not reached), `how` the day was
// computed, and where upstream's script would have stopped, else null.
function tuneDay(upstream, inputs, options) {
    const { how, ...prepped } = prepDay(upstream, inputs, options);
    upstream.endDay(prepped.stderr);
    if (prepped.status !== 0) return { how, prepped, tuned: null, failure: { stage: 'prep', status: prepped.status } };

    const given = { ...inputs, prepped: asText('prepped', prepped.stdout) };
    const tuned = capture(() => core(upstream.common, given), options.keepWords);
    const failed = tuned.status !== 0 || !isProfile(tuned.stdout);
    return { how, prepped, tuned, failure: failed ? { stage: 'core', status: tuned.status } : null };
}

const optionsOf = (job) => ({
    categorize_uam_as_basal: Boolean(job.categorize_uam_as_basal),
    tune_insulin_curve: Boolean(job.tune_insulin_curve),
    exact: Boolean(job.exact),
    keepWords: true,
});

module.exports = { optionsOf, tuneDay };
