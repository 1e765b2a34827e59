"""Fits the polynomials of assembly/math and prints them: python3 scripts/fit-math.py (mpmath, numpy, scipy).

Each entry approximates g on [lo, hi]; `weight` turns the polynomial's absolute error into the relative error of
the function finally returned. The greatest weighted error is minimised as a linear programme; coefficients are
rounded (to float32, but for pow) one by one, lowest order first, and the rest are fitted again after each rounding.
"""
import numpy as np
from mpmath import mp, mpf, expm1, floor, log, log1p, pi, sin, cos, sqrt
from scipy.optimize import linprog

mp.dps = 50
LN2 = log(mpf(2))
POINTS = 600
SCALE = 2.0**30  # residuals of order 2^-30 become of order 1 for the solver
TINY = mpf(2) ** -30


def chebyshev_points(lo, hi):
    return [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(pi * (k + mpf(1) / 2) / POINTS) for k in range(POINTS)]


def minimax(x, target, weight, powers):
    """Coefficients of x**powers with the least greatest |weight * (target - p)|."""
    columns = np.stack([x**k for k in powers], 1) * weight[:, None]
    base = np.linalg.lstsq(columns, target * weight, rcond=None)[0]
    residual = (target * weight - columns @ base) * SCALE
    ones = np.ones((len(x), 1))
    above, below = np.hstack([columns, -ones]), np.hstack([-columns, -ones])
    cost = np.append(np.zeros(len(powers)), 1)
    solved = linprog(cost, np.vstack([above, below]), np.append(residual, -residual), bounds=(None, None))
    return base + solved.x[:-1] / SCALE


def fit(name, g, weight, lo, hi, degree, kind=np.float32):
    grid = [p if abs(p) > TINY else TINY for p in chebyshev_points(lo, hi)]
    x, y, w = (np.array([float(f(p)) for p in grid]) for f in (lambda p: p, g, weight))
    rounded = []
    for k in range(degree + 1):
        rest = y - sum(c * x**j for j, c in enumerate(rounded))
        rounded.append(float(kind(minimax(x, rest, w, range(k, degree + 1))[0])))
    error = np.max(np.abs(w * (y - sum(c * x**k for k, c in enumerate(rounded)))))
    print(f"{name}, degree {degree}: relative error 2^{np.log2(error):.2f}")
    for k, c in enumerate(rounded):
        print(f"  c{k} = {c:.9g}" if kind is np.float32 else f"  c{k} = {c!r}")


def parts(name, value, bits):
    """value as a sum of parts of `bits` significant bits each, truncated, and a rounded remainder."""
    for width in bits:
        unit = mpf(2) ** (floor(log(value, 2)) + 1 - width)
        part = floor(value / unit) * unit
        print(f"{name}: part {float(part):.17g}")
        value -= part
    print(f"{name}: rest {float(np.float32(float(value))):.9g}")


half = LN2 / 2 * mpf("1.0001")
root = sqrt(mpf(2))
quarter = (pi / 4 * mpf("1.0001")) ** 2
sinc = lambda z: sin(sqrt(z)) / sqrt(z)
for degree in (4, 5):
    fit("exp: (expm1(r) - r) / r^2", lambda r: (expm1(r) - r) / r**2, lambda r: r**2 / mp.exp(r), -half, half, degree)
    fit("expm1: (expm1(r) - r) / r^2", lambda r: (expm1(r) - r) / r**2, lambda r: r**2 / expm1(r), -half, half, degree)
for degree in (6, 7, 8):
    fit("log: (log(1 + f) - f + f^2 / 2) / f^3", lambda f: (log1p(f) - f + f**2 / 2) / f**3,
        lambda f: f**3 / log1p(f), 1 / root - 1, root - 1, degree)
for degree in (7, 8, 9):
    fit("log1p: (log1p(e) - e) / e^2", lambda e: (log1p(e) - e) / e**2, lambda e: e**2 / log1p(e), mpf(0), mpf(1), degree)
for degree in (2, 3):
    fit("sin: (sin(r) - r) / r^3 by z = r^2", lambda z: (sinc(z) - 1) / z, lambda z: z / sinc(z), mpf(0), quarter, degree)
    fit("cos: (cos(r) - 1 + r^2 / 2) / r^4 by z = r^2", lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2,
        lambda z: z**2 / cos(sqrt(z)), mpf(0), quarter, degree)
parts("ln 2", LN2, [15])
parts("pi / 2", pi / 2, [13, 13, 13])
furthest = ((root - 1) / (root + 1)) ** 2 * mpf("1.0001")
log2_ratio = lambda z: log((1 + sqrt(z)) / (1 - sqrt(z)), 2) / sqrt(z)
for degree in (3, 4):
    fit("pow: log2((1 + s) / (1 - s)) / s by z = s^2", log2_ratio, lambda z: 1 / log2_ratio(z), mpf(0), furthest, degree, np.float64)
for degree in (5, 6):
    fit("pow: (2^r - 1) / r", lambda r: (mpf(2) ** r - 1) / r, lambda r: r / mpf(2) ** r, mpf("-0.5001"), mpf("0.5001"), degree, np.float64)
