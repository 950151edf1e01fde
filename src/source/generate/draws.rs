//! Random draws that depend on (seed, row) alone: any range of rows can be made by any thread and comes out the same.
//!
//! Each row counts through a splitmix64 sequence of its own. The distributions use IEEE arithmetic and the `libm`
//! crate only, so that a table is the same bytes on every machine.

use std::f64::consts::TAU;

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Rejection sampling succeeds with 95 % or more per try; this many failures do not happen.
const TRIES_MAX: usize = 100;
/// Larger than any count drawn here.
const COUNT_MAX: u32 = 1000;

/// The draws of one row.
pub(super) struct Draws {
    state: u64,
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Draws {
    pub fn of(seed: u64, row: u64) -> Self {
        let table = mix(seed.wrapping_mul(GOLDEN).wrapping_add(GOLDEN));
        Self { state: mix(table.wrapping_add(row.wrapping_mul(GOLDEN))) }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// In the open interval (0, 1).
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// In the open interval (low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// low, .., high, each as likely.
    pub fn integer(&mut self, low: i64, high: i64) -> i64 {
        let n = u128::from(high.abs_diff(low)) + 1;
        low + ((u128::from(self.next()) * n) >> 64) as i64
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// The position drawn when each has its probability; the last takes what is left.
    pub fn pick(&mut self, probabilities: &[f64]) -> usize {
        let mut left = self.uniform();
        for (i, p) in probabilities.iter().enumerate() {
            if left < *p {
                return i;
            }
            left -= p;
        }
        probabilities.len().saturating_sub(1)
    }

    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(self.uniform())).sqrt();
        radius * libm::cos(TAU * self.uniform())
    }

    /// exp(mean + deviation · normal).
    pub fn lognormal(&mut self, mean: f64, deviation: f64) -> f64 {
        libm::exp(mean + deviation * self.normal())
    }

    /// A lognormal with this median.
    pub fn around(&mut self, median: f64, deviation: f64) -> f64 {
        self.lognormal(libm::log(median), deviation)
    }

    /// Marsaglia and Tsang's method; below shape 1 through shape + 1.
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let larger = self.gamma(shape + 1.0);
            return larger * libm::pow(self.uniform(), 1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        for _ in 0..TRIES_MAX {
            let x = self.normal();
            let v = 1.0 + c * x;
            if v <= 0.0 {
                continue;
            }
            let v = v * v * v;
            if libm::log(self.uniform()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
                return d * v;
            }
        }
        d
    }

    pub fn beta(&mut self, a: f64, b: f64) -> f64 {
        let x = self.gamma(a);
        let y = self.gamma(b);
        if x + y > 0.0 { x / (x + y) } else { a / (a + b) }
    }

    /// Knuth's product of uniforms; for small means.
    pub fn poisson(&mut self, mean: f64) -> i64 {
        let limit = libm::exp(-mean);
        let mut product = self.uniform();
        let mut count = 0;
        while product > limit && count < COUNT_MAX {
            product *= self.uniform();
            count += 1;
        }
        i64::from(count)
    }
}

/// Rounded to `decimals` decimals, halves to even.
pub(super) fn rounded(value: f64, decimals: u32) -> f64 {
    let power = f64::from(10u32.pow(decimals));
    libm::rint(value * power) / power
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and standard deviation of many draws.
    fn moments(draw: impl Fn(&mut Draws) -> f64) -> (f64, f64) {
        let n = 200_000;
        let values: Vec<f64> = (0..n).map(|row| draw(&mut Draws::of(7, row))).collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n as f64;
        (mean, variance.sqrt())
    }

    fn close((mean, deviation): (f64, f64), expected_mean: f64, expected_deviation: f64) {
        // Six standard errors of the mean of 200,000 draws, and 3 % of the deviation.
        assert!((mean - expected_mean).abs() < 6.0 * expected_deviation / 447.0, "mean {mean}");
        assert!((deviation / expected_deviation - 1.0).abs() < 0.03, "deviation {deviation}");
    }

    #[test]
    fn the_distributions_have_their_moments() {
        close(moments(Draws::uniform), 0.5, 1.0 / 12f64.sqrt());
        close(moments(|d| d.between(5.0, 50.0)), 27.5, 45.0 / 12f64.sqrt());
        close(moments(|d| d.integer(0, 1094) as f64), 547.0, ((1095f64 * 1095.0 - 1.0) / 12.0).sqrt());
        close(moments(Draws::normal), 0.0, 1.0);
        close(moments(|d| d.lognormal(1.5, 0.5)), 1.625f64.exp(), 1.625f64.exp() * (0.25f64.exp() - 1.0).sqrt());
        let beta = |a: f64, b: f64| (a / (a + b), (a * b / ((a + b) * (a + b) * (a + b + 1.0))).sqrt());
        for (a, b) in [(0.5, 5.0), (0.8, 0.8), (8.0, 14.0)] {
            let (mean, deviation) = beta(a, b);
            close(moments(|d| d.beta(a, b)), mean, deviation);
        }
        close(moments(|d| d.poisson(2.5) as f64), 2.5, 2.5f64.sqrt());
        close(moments(|d| f64::from(u8::from(d.chance(0.025)))), 0.025, (0.025f64 * 0.975).sqrt());
        close(moments(|d| d.pick(&[0.25, 0.5, 0.25]) as f64), 1.0, 0.5f64.sqrt());
    }

    #[test]
    fn rows_and_seeds_draw_apart() {
        let first = |seed, row| Draws::of(seed, row).next();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(2, 1));
        assert_ne!(first(0, 0), first(0, 1));
        assert_ne!(first(0, 0), first(1, 0));
    }

    #[test]
    fn rounding_is_half_to_even() {
        assert_eq!(rounded(0.125, 2), 0.12);
        assert_eq!(rounded(2.5, 0), 2.0);
        assert_eq!(rounded(8.449_999, 1), 8.4);
    }
}
