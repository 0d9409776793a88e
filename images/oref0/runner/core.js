// Around upstream's lib/autotune, the same steps as oref0@0.7.1 bin/oref0-autotune-core.js, in the same order.
'use strict';

const { parsed } = require('./inputs');

function core(upstream, inputs) {
    let preppedGlucose, previousAutotune, pumpProfile;
    try {
        preppedGlucose = parsed(inputs.prepped);
        previousAutotune = parsed(inputs.profile);
        pumpProfile = parsed(inputs.pumpprofile);
    } catch (error) {
        console.log('{ "error": "Could not parse input data" }');
        console.error('Could not parse input data: ', error);
        return;
    }

    if (!pumpProfile.useCustomPeakTime) {
        previousAutotune.dia = pumpProfile.dia;
        previousAutotune.insulinPeakTime = pumpProfile.insulinPeakTime;
    }
    previousAutotune.curve = pumpProfile.curve;

    const tuned = upstream.autotune({ preppedGlucose, previousAutotune, pumpProfile });
    console.log(upstream.stringify(tuned, { space: '   ' }));
}

module.exports = { core };
