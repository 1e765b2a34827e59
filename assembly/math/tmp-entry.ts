import { expLanes } from "./exp";
import { expm1Lanes } from "./expm1";
import { logLanes } from "./log";
import { sigmoidLanes } from "./sigmoid";
import { softplusLanes } from "./softplus";
import { tanhLanes } from "./tanh";
import { cosLanes, sinLanes } from "./trig";
import { fillUniform as fill } from "./random";
import { at, lanes } from "../simd";
export { philox } from "./random";
// @ts-ignore
type R = FLOAT;
export function fillUniform(n: i32, lo: f64, hi: f64, a: u32, b: u32, c: u32, d: u32, out: usize): void { fill<R>(n, lo, hi, a, b, c, d, out); }
export function exp(n: i32, x: usize, y: usize): void { for (let i = 0; i < n; i += lanes<R>()) v128.store(at<R>(y, i), expLanes<R>(v128.load(at<R>(x, i)))); }
export function expm1(n: i32, x: usize, y: usize): void { for (let i = 0; i < n; i += lanes<R>()) v128.store(at<R>(y, i), expm1Lanes<R>(v128.load(at<R>(x, i)))); }
export function log(n: i32, x: usize, y: usize): void { for (let i = 0; i < n; i += lanes<R>()) v128.store(at<R>(y, i), logLanes<R>(v128.load(at<R>(x, i)))); }
export function sigmoid(n: i32, x: usize, y: usize): void { for (let i = 0; i < n; i += lanes<R>()) v128.store(at<R>(y, i), sigmoidLanes<R>(v128.load(at<R>(x, i)))); }
export function softplus(n: i32, x: usize, y: usize): void { for (let i = 0; i < n; i += lanes<R>()) v128.store(at<R>(y, i), softplusLanes<R>(v128.load(at<R>(x, i)))); }
export function tanh(n: i32, x: usize, y: usize): void { for (let i = 0; i < n; i += lanes<R>()) v128.store(at<R>(y, i), tanhLanes<R>(v128.load(at<R>(x, i)))); }
export function cos(n: i32, x: usize, y: usize): void { for (let i = 0; i < n; i += lanes<R>()) v128.store(at<R>(y, i), cosLanes<R>(v128.load(at<R>(x, i)))); }
export function sin(n: i32, x: usize, y: usize): void { for (let i = 0; i < n; i += lanes<R>()) v128.store(at<R>(y, i), sinLanes<R>(v128.load(at<R>(x, i)))); }
