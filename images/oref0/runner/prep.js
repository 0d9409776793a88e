// Around upstream's lib/autotune-prep, the same steps as oref0@0.7.1 bin/oref0-autotune-prep.js, in the same order:
// which input may be broken without the command failing, which fields come from the pump's profile, how history is sorted.
'use strict';

const { inOrder, parsed } = require('./inputs');

function prep(upstream, inputs, options) {
    let history, profile;
    try {
        history = parsed(inputs.treatments);
        profile = parsed(inputs.profile);
    } catch (error) {
        console.log('{ "error": "Could not parse input data" }');
        console.error('Could not parse input data: ', error);
        return;
    }

    let pumpprofile = {};
    try {
        pumpprofile = parsed(inputs.pumpprofile);
    } catch (error) {
        console.error('Warning: could not parse ' + inputs.pumpprofile.label);
    }

    const impossible = (ratio) => typeof ratio === 'undefined' || ratio < 2;
    if (impossible(profile.carb_ratio)) {
        if (impossible(pumpprofile.carb_ratio)) {
            const reason = `carb_ratios ${profile.carb_ratio} and ${pumpprofile.carb_ratio} out of bounds`;
            console.log(`{ "carbs": 0, "mealCOB": 0, "reason": "${reason}" }`);
            console.error(`Error: ${reason}`);
            return;
        }
        profile.carb_ratio = pumpprofile.carb_ratio;
    }

    // The pump's profile rules the curve always, and peak and end of insulin unless a custom peak is in use.
    profile.curve = pumpprofile.curve;
    if (!pumpprofile.useCustomPeakTime) {
        profile.dia = pumpprofile.dia;
        profile.insulinPeakTime = pumpprofile.insulinPeakTime;
    }

    let glucose;
    try {
        glucose = parsed(inputs.glucose);
    } catch (error) {
        console.error('Warning: could not parse ' + inputs.glucose.label, error);
        return;
    }

    const instantOf = (record) => upstream.moment(record.created_at).valueOf();
    history = inOrder(inputs.treatments, history, (records) => upstream.lodash.orderBy(records, [instantOf], ['desc']));

    const prepped = upstream.generate({
        history,
        profile,
        pumpprofile,
        carbs: {},
        glucose,
        categorize_uam_as_basal: options.categorize_uam_as_basal,
        tune_insulin_curve: options.tune_insulin_curve,
    });
    console.log(JSON.stringify(prepped));
}

module.exports = { prep };
