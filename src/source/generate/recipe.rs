//! Customers without groups: nine features drawn from skewed distributions, some of which hang together, and 2.5 %
//! outliers. What a clustering finds here is the shape of the recipe; nothing is planted.

use super::draws::{Draws, rounded};
use super::table::Customer;

/// How satisfied customers are, 1 to 5, and how satisfied those who send much back.
const SATISFACTION: [f64; 5] = [0.05, 0.05, 0.1, 0.4, 0.4];
const SATISFACTION_RETURNING: [f64; 5] = [0.4, 0.3, 0.2, 0.05, 0.05];
const OUTLIERS: f64 = 0.025;

pub(super) fn customer(seed: u64, row: u64) -> Customer {
    let mut draws = Draws::of(seed, row);
    let recency = draws.integer(0, 365);
    let mut frequency = libm::rint(draws.lognormal(1.5, 1.0)).clamp(1.0, 100.0);
    let mut monetary = 10.0 * draws.lognormal(4.0, 1.2);
    let mut tenure = recency + draws.integer(0, 1094);
    if frequency > 1.0 {
        tenure += draws.integer(1, 99);
    }
    let return_rate = rounded(draws.beta(0.5, 5.0), 2);
    let discount_usage = rounded(draws.beta(0.8, 0.8), 2);
    let probabilities = if return_rate > 0.4 { SATISFACTION_RETURNING } else { SATISFACTION };
    let satisfaction_score = 1 + draws.pick(&probabilities) as i64;
    let minutes = (draws.lognormal(1.5, 0.5) + 0.1 * frequency).clamp(1.0, 120.0);
    let mut calls = 0.5;
    if satisfaction_score <= 2 {
        calls += 2.0;
    }
    if return_rate > 0.3 {
        calls += 1.5;
    }
    let support_calls = draws.poisson(calls);
    if draws.chance(OUTLIERS) {
        monetary *= draws.between(5.0, 50.0);
        frequency = libm::floor(frequency * draws.between(2.0, 5.0)).clamp(1.0, 300.0);
    }
    Customer {
        recency,
        frequency: frequency as i64,
        monetary: rounded(monetary, 2),
        tenure,
        return_rate,
        discount_usage,
        satisfaction_score,
        avg_time_site_min: rounded(minutes, 1),
        support_calls,
        engagement_rate: 0.0,
        truth: None,
    }
}
