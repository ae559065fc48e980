// What `npm run faults` tries that `npm test` has no time for, unless told otherwise.
process.env.REWIND_KILLS ??= "1000";
process.env.REWIND_FAULT_STATES ??= "40";
process.env.REWIND_ENTRIES ??= "1000000";
process.env.REWIND_LEVELDB_POINTS ??= "Infinity";
process.env.REWIND_DATABASES ??= "200";
process.env.REWIND_SCHEMAS ??= "5000";
process.env.REWIND_FUZZ ??= "100000";
