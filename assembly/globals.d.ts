/** 1 in the float64 build, else 0: `use` in asconfig.json. For the type checker; the compiler must not see it declared. */
declare const FLOAT64: bool;
