//! Customers drawn from groups. A world says where the groups lie; every seed moves their places, spreads and sizes.
//! Nothing here knows a playbook.

use crate::table::Table;

/// How the values of one column are drawn in one group.
#[derive(Debug, Clone, Copy)]
pub enum Draw {
    /// Log-normal: median, and deviation of the logarithm.
    Log(f64, f64),
    /// Normal, between two ends: mean, deviation, least, most.
    Normal(f64, f64, f64, f64),
    /// Poisson, at least the second number: mean.
    Count(f64, f64),
    /// A whole number next to the mean, above or below.
    Few(f64),
    /// A share of 0 to 1: mean, deviation.
    Share(f64, f64),
    /// Two columns drawn before, multiplied, and a share of the product.
    Product(usize, usize, f64),
    /// The quotient of two columns drawn before.
    Quotient(usize, usize),
    /// The sum of two columns drawn before.
    Sum(usize, usize),
}

/// The share of one group, and how its columns are drawn.
#[derive(Debug, Clone)]
pub struct Group {
    pub name: &'static str,
    pub share: f64,
    pub draws: Vec<Draw>,
}

#[derive(Debug, Clone)]
pub struct World {
    pub playbook: &'static str,
    /// In the order of the draws; what has no name is not in the table.
    pub columns: Vec<&'static str>,
    /// Columns that are clustered on their logarithm.
    pub logs: Vec<&'static str>,
    pub groups: Vec<Group>,
}

/// A table with the group of each row.
#[derive(Debug, Clone)]
pub struct Planted {
    pub table: Table,
    pub truth: Vec<u16>,
}

/// SplitMix64.
#[derive(Debug, Clone)]
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Sum of twelve uniforms less six: close enough to a normal, with no tail beyond six.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn poisson(&mut self, mean: f64) -> f64 {
        let (limit, mut product, mut n) = ((-mean).exp(), self.uniform(), 0);
        while product > limit && n < 1000 {
            product *= self.uniform();
            n += 1;
        }
        f64::from(n)
    }

    /// A random order of 0..n.
    pub fn order(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        (1..n).rev().for_each(|i| order.swap(i, (self.next() % (i as u64 + 1)) as usize));
        order
    }
}

impl World {
    /// The same world a little elsewhere: places move by a sixth, spreads and shares by a fifth.
    pub fn moved(&self, seed: u64) -> World {
        let mut rng = Rng(seed.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ 0x1234);
        let mut world = self.clone();
        for group in &mut world.groups {
            group.share *= rng.between(0.8, 1.2);
            for draw in &mut group.draws {
                let (place, spread) = (rng.between(0.86, 1.16), rng.between(0.8, 1.2));
                match draw {
                    Draw::Log(median, deviation) => (*median, *deviation) = (*median * place, *deviation * spread),
                    Draw::Normal(mean, deviation, _, most) => {
                        (*mean, *deviation) = ((*mean * (1.0 + (place - 1.0) / 3.0)).min(*most), *deviation * spread);
                    }
                    Draw::Count(mean, _) | Draw::Few(mean) => *mean *= place,
                    Draw::Share(mean, deviation) => (*mean, *deviation) = (*mean * place, *deviation * spread),
                    Draw::Product(_, _, share) => *share *= place,
                    Draw::Quotient(..) | Draw::Sum(..) => {}
                }
            }
        }
        world
    }

    /// Without one of its groups.
    pub fn without(&self, group: usize) -> World {
        let mut world = self.clone();
        world.groups.remove(group);
        world
    }

    pub fn customers(&self, n_rows: usize, seed: u64) -> Planted {
        let mut rng = Rng(seed);
        let whole: f64 = self.groups.iter().map(|group| group.share).sum();
        let mut columns: Vec<Vec<f64>> = vec![Vec::with_capacity(n_rows); self.columns.len()];
        let mut truth = Vec::with_capacity(n_rows);
        for _ in 0..n_rows {
            let mut left = rng.uniform() * whole;
            let found = self.groups.iter().position(|group| {
                left -= group.share;
                left < 0.0
            });
            let group = found.unwrap_or(0);
            truth.push(group as u16);
            let mut row: Vec<f64> = Vec::with_capacity(columns.len());
            for draw in &self.groups[group].draws {
                let value = match *draw {
                    Draw::Log(median, deviation) => median * (deviation * rng.normal()).exp(),
                    Draw::Normal(mean, deviation, least, most) => (mean + deviation * rng.normal()).clamp(least, most),
                    Draw::Count(mean, least) => (rng.poisson(mean - least) + least).max(least),
                    Draw::Few(mean) => (mean + rng.uniform()).floor(),
                    Draw::Share(mean, deviation) => (mean + deviation * rng.normal()).clamp(0.0, 1.0),
                    Draw::Product(a, b, share) => row[a] * row[b] * share,
                    Draw::Quotient(a, b) => row[a] / row[b],
                    Draw::Sum(a, b) => row[a] + row[b],
                };
                row.push((value * 100.0).round() / 100.0);
            }
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
        let mut table = Table::new(n_rows);
        for (name, values) in self.columns.iter().zip(columns).filter(|(name, _)| !name.is_empty()) {
            table = table.with(name, values);
        }
        Planted { table, truth }
    }
}

impl Planted {
    /// Every column in an order of its own: the same values, and no group left.
    pub fn permuted(&self, seed: u64) -> Table {
        let mut rng = Rng(seed);
        let mut table = self.table.clone();
        for (_, values) in &mut table.columns {
            let order = rng.order(values.len());
            *values = order.iter().map(|&row| values[row]).collect();
        }
        table
    }
}

/// How far two labellings agree beyond chance: 1 when they are the same up to numbers, 0 on average when unrelated.
pub fn adjusted_rand_index(a: &[u16], b: &[u16]) -> f64 {
    let size = |labels: &[u16]| labels.iter().max().map_or(0, |&most| usize::from(most) + 1);
    let (rows, columns) = (size(a), size(b));
    let mut both = vec![0u64; rows * columns];
    a.iter().zip(b).for_each(|(&x, &y)| both[usize::from(x) * columns + usize::from(y)] += 1);
    let pairs = |n: u64| n as f64 * (n as f64 - 1.0) / 2.0;
    let sum = |counts: Vec<u64>| counts.into_iter().map(pairs).sum::<f64>();
    let of_rows = sum((0..rows).map(|x| both[x * columns..(x + 1) * columns].iter().sum()).collect());
    let of_columns = sum((0..columns).map(|y| (0..rows).map(|x| both[x * columns + y]).sum()).collect());
    let (together, chance) = (sum(both), of_rows * of_columns / pairs(a.len() as u64));
    (together - chance) / ((of_rows + of_columns) / 2.0 - chance)
}

#[test]
fn the_rand_index_is_that_of_a_hand_calculation() {
    assert_eq!(adjusted_rand_index(&[0, 0, 1, 1], &[1, 1, 0, 0]), 1.0);
    // 2 of 6 pairs together in both; 2 and 3 together in one of them: (1 - 1) / (2.5 - 1).
    assert_eq!(adjusted_rand_index(&[0, 0, 1, 1], &[0, 0, 0, 1]), 0.0);
}
