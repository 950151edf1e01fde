//! Customers of five planted groups, each with its truth beside it: what a clustering is meant to find again.
//!
//! The groups are what marketing teams describe: customers who spend much and cause no trouble, customers who spend as
//! much and are about to leave, those who buy at a discount only, those who just came, and those who have gone. Every
//! group has its own place in several features, with overlap in each single one.

use super::draws::{Draws, rounded};
use super::table::Customer;

/// How one group looks. Medians with the deviation of their logarithm, beta shapes, and probabilities.
struct Group {
    name: &'static str,
    /// Of all customers; the shares sum to 1.
    share: f64,
    /// Days, median and spread.
    recency: (f64, f64),
    recency_max: i64,
    /// Orders.
    frequency: (f64, f64),
    /// Money per order.
    order_value: (f64, f64),
    /// Days between opening the account and the last order.
    active_days: (f64, f64),
    return_rate: (f64, f64),
    discount_usage: (f64, f64),
    satisfaction: [f64; 5],
    minutes: (f64, f64),
    /// Mean.
    support_calls: f64,
    engagement_rate: (f64, f64),
}

const GROUPS: [Group; 5] = [
    Group {
        name: "zero-friction VIP",
        share: 0.15,
        recency: (9.0, 0.6),
        recency_max: 60,
        frequency: (36.0, 0.2),
        order_value: (170.0, 0.2),
        active_days: (1050.0, 0.15),
        return_rate: (2.0, 70.0),
        discount_usage: (2.0, 26.0),
        satisfaction: [0.0, 0.0, 0.0, 0.08, 0.92],
        minutes: (17.0, 0.2),
        support_calls: 0.15,
        engagement_rate: (34.0, 6.0),
    },
    Group {
        name: "high value, churn risk",
        share: 0.12,
        recency: (75.0, 0.35),
        recency_max: 200,
        frequency: (28.0, 0.2),
        order_value: (165.0, 0.2),
        active_days: (820.0, 0.2),
        return_rate: (14.0, 26.0),
        discount_usage: (6.0, 20.0),
        satisfaction: [0.55, 0.37, 0.08, 0.0, 0.0],
        minutes: (12.0, 0.2),
        support_calls: 5.5,
        engagement_rate: (16.0, 20.0),
    },
    Group {
        name: "discount-driven",
        share: 0.25,
        recency: (32.0, 0.45),
        recency_max: 150,
        frequency: (18.0, 0.25),
        order_value: (24.0, 0.25),
        active_days: (560.0, 0.25),
        return_rate: (6.0, 44.0),
        discount_usage: (60.0, 2.0),
        satisfaction: [0.0, 0.04, 0.36, 0.5, 0.1],
        minutes: (9.0, 0.2),
        support_calls: 0.8,
        engagement_rate: (22.0, 16.0),
    },
    Group {
        name: "new or occasional",
        share: 0.28,
        recency: (24.0, 0.6),
        recency_max: 120,
        frequency: (1.4, 0.35),
        order_value: (62.0, 0.4),
        active_days: (22.0, 0.7),
        return_rate: (2.0, 30.0),
        discount_usage: (10.0, 24.0),
        satisfaction: [0.0, 0.03, 0.17, 0.6, 0.2],
        minutes: (6.0, 0.25),
        support_calls: 0.4,
        engagement_rate: (12.0, 22.0),
    },
    Group {
        name: "dormant",
        share: 0.2,
        recency: (330.0, 0.15),
        recency_max: 700,
        frequency: (4.0, 0.35),
        order_value: (66.0, 0.4),
        active_days: (700.0, 0.2),
        return_rate: (4.0, 40.0),
        discount_usage: (10.0, 18.0),
        satisfaction: [0.05, 0.15, 0.55, 0.2, 0.05],
        minutes: (2.2, 0.25),
        support_calls: 0.15,
        engagement_rate: (1.5, 46.0),
    },
];

pub(super) fn customer(seed: u64, row: u64) -> Customer {
    let mut draws = Draws::of(seed, row);
    let mut left = draws.uniform();
    let mut group = &GROUPS[GROUPS.len() - 1];
    for candidate in &GROUPS {
        if left < candidate.share {
            group = candidate;
            break;
        }
        left -= candidate.share;
    }
    let mut around = |(median, spread): (f64, f64)| draws.around(median, spread);
    let recency = (around(group.recency) as i64).clamp(0, group.recency_max);
    let frequency = (libm::rint(around(group.frequency)) as i64).clamp(1, 300);
    let order_value = around(group.order_value);
    let tenure = recency + (around(group.active_days) as i64).clamp(0, 3650);
    let minutes = around(group.minutes).clamp(0.5, 120.0);
    let mut beta = |(a, b): (f64, f64)| draws.beta(a, b);
    let return_rate = beta(group.return_rate);
    let discount_usage = beta(group.discount_usage);
    let engagement_rate = beta(group.engagement_rate);
    Customer {
        recency,
        frequency,
        monetary: rounded(frequency as f64 * order_value, 2),
        tenure,
        return_rate: rounded(return_rate, 2),
        discount_usage: rounded(discount_usage, 2),
        satisfaction_score: 1 + draws.pick(&group.satisfaction) as i64,
        avg_time_site_min: rounded(minutes, 1),
        support_calls: draws.poisson(group.support_calls),
        engagement_rate: rounded(engagement_rate, 3),
        truth: Some(group.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_those_planted() {
        assert!((GROUPS.iter().map(|group| group.share).sum::<f64>() - 1.0).abs() < 1e-12);
        let n = 100_000;
        for group in &GROUPS {
            let size = (0..n).filter(|row| customer(3, *row).truth == Some(group.name)).count();
            assert!((size as f64 / n as f64 - group.share).abs() < 0.01, "{} {size}", group.name);
        }
    }

    #[test]
    fn the_groups_are_what_their_names_say() {
        let mean = |name: &str, value: fn(&Customer) -> f64| {
            let all: Vec<f64> =
                (0..20_000).map(|row| customer(5, row)).filter(|c| c.truth == Some(name)).map(|c| value(&c)).collect();
            all.iter().sum::<f64>() / all.len() as f64
        };
        assert!(mean("discount-driven", |c| c.discount_usage) > 0.95);
        assert!(mean("zero-friction VIP", |c| c.satisfaction_score as f64) > 4.8);
        assert!(mean("zero-friction VIP", |c| c.return_rate) < 0.05);
        assert!(mean("high value, churn risk", |c| c.support_calls as f64) > 5.0);
        assert!(mean("high value, churn risk", |c| c.monetary) > 4_000.0);
        assert!(mean("new or occasional", |c| c.tenure as f64) < 100.0);
        assert!(mean("dormant", |c| c.recency as f64) > 300.0);
        assert!(mean("dormant", |c| c.engagement_rate) < 0.05);
    }
}
