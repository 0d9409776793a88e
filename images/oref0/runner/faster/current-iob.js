// Stands before getIOB of oref0@0.7.1 lib/iob/index.js, as lib/autotune-prep/categorize.js calls it.
//
// getIOB foresees insulin for four hours, twice: 96 sums, made of two readings of the history. categorize takes element
// 0 and of it `iob` and `activity`. These are what upstream's getIOB gives for the current instant alone when it is asked
// with its own parameters: `getIOB(inputs, true, treatments)`. The treatments are those find_insulin would find
// (insulin.js). What upstream would write to standard error on the way (pump records, an odd curve or peak), once for each
// of the sums, is not written by a usual day.
'use strict';

const { Refusal } = require('./refusal');

function currentIob(insulin) {
    return (upstream) => (inputs) => {
        if (!insulin.isOpen()) throw new Refusal('record-kind');
        return upstream(inputs, true, insulin.ofWindow(inputs.history, inputs.clock));
    };
}

module.exports = { currentIob };
