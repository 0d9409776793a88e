// What upstream's commands read for a day: the four files of its directory, or texts that stand for them.
//
// An input has a `label`, which is what upstream's words call it, and `text()`, which throws where it cannot be read. Where
// the same text is read again and again it may have `records()` too, what the text says as records.js keeps it.
'use strict';

const fs = require('fs');
const path = require('path');

const inFile = (file) => ({ label: file, text: () => fs.readFileSync(file, 'utf8') });
const asText = (label, text) => ({ label, text: () => text });

const entriesOf = (date) => `ns-entries.${date}.json`;
const treatmentsOf = (date) => `ns-treatments.${date}.json`;

function ofDirectory(dir, date) {
    const file = (name) => inFile(path.join(dir, name));
    return {
        treatments: file(treatmentsOf(date)),
        glucose: file(entriesOf(date)),
        profile: file('profile.json'),
        pumpprofile: file('profile.pump.json'),
    };
}

const ofTexts = (texts) => Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, asText(name, text)]));

const parsed = (input) => (input.records ? input.records().copy() : JSON.parse(input.text()));

// The parsed records of an input as `sort` orders them.
const inOrder = (input, records, sort) => (input.records ? input.records().inOrder(records, sort) : sort(records));

// The same inputs, read from their texts each time.
const readAnew = (inputs) => Object.fromEntries(Object.entries(inputs).map(([name, { label, text }]) => [name, { label, text }]));

module.exports = { asText, entriesOf, inOrder, ofDirectory, ofTexts, parsed, readAnew, treatmentsOf };
