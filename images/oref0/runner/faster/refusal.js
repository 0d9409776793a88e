// Why a day is not computed the faster way: a short code, never a value of anybody's record.
'use strict';

class Refusal extends Error {
    constructor(code) {
        super(code);
        this.name = 'Refusal';
        this.code = code;
    }
}

module.exports = { Refusal };
