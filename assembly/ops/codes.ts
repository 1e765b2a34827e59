/** Codes of the elementwise operations. bindings/program/format.ts holds the same numbers. */
export const LINK_VIEW: i32 = 0; // y[i, j] = x[offset + i * rowStride + j * columnStride]
export const LINK_FILL: i32 = 1; // constant
export const LINK_COPY: i32 = 2;
export const LINK_NEG: i32 = 3;
export const LINK_SCALE: i32 = 4; // constant * x
export const LINK_SHIFT: i32 = 5; // x + constant
export const LINK_SQUARE: i32 = 6;
export const LINK_SQRT: i32 = 7;
export const LINK_EXP: i32 = 8;
export const LINK_EXPM1: i32 = 9;
export const LINK_LOG: i32 = 10;
export const LINK_TANH: i32 = 11;
export const LINK_SIGMOID: i32 = 12;
export const LINK_RELU: i32 = 13;
export const LINK_SOFTPLUS: i32 = 14;
export const LINK_SIN: i32 = 15;
export const LINK_COS: i32 = 16;
export const LINK_FLUSH: i32 = 17; // float32: 0 where |x| < 2^-100
export const FIRST_BINARY: i32 = 32;
export const LINK_ADD: i32 = 32;
export const LINK_SUB: i32 = 33;
export const LINK_MUL: i32 = 34;
export const LINK_DIV: i32 = 35;
export const LINK_TANH_GRAD: i32 = 36; // a (1 - b b), b being tanh
export const LINK_SIGMOID_GRAD: i32 = 37; // a b (1 - b), b being sigmoid
export const LINK_RELU_GRAD: i32 = 38; // a where b > 0, else 0
