// The records of a day parsed once and handed out again and again: as copies, since upstream writes into what it is given.
'use strict';

const isObject = (value) => typeof value === 'object' && value !== null;

// Of a parsed text, so of nothing but plain objects, lists and values. The order of the keys stays.
function copyOf(value) {
    if (Array.isArray(value)) return value.map(copyOf);
    if (!isObject(value)) return value;
    const copy = { ...value };
    for (const key of Object.keys(copy)) if (isObject(copy[key])) copy[key] = copyOf(copy[key]);
    return copy;
}

const isFlat = (record) => isObject(record) && !Array.isArray(record) && !Object.values(record).some(isObject);

class Records {
    constructor(text) {
        this.isSorted = false;
        this.take(JSON.parse(text));
    }

    take(value) {
        this.value = value;
        this.flat = Array.isArray(value) ? value.map(isFlat) : null;
    }

    copy() {
        if (this.flat === null) return copyOf(this.value);
        return this.value.map((record, n) => (this.flat[n] ? { ...record } : copyOf(record)));
    }

    // A copy in the order that `sort` gives. It is asked once: the same records get the same order each time, and all later
    // copies have it.
    inOrder(copy, sort) {
        if (this.isSorted) return copy;
        const sorted = sort(copy);
        this.take(copyOf(sorted));
        this.isSorted = true;
        return sorted;
    }
}

module.exports = { Records };
