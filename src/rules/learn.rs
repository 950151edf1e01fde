//! From the values and the clusters of some customers to rules.

use super::table::Table;
use super::tree::Rules;
use super::{fine, sample, short};

/// A clustered column of the sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Column<'a> {
    pub name: &'a str,
    /// As they stand in the data.
    pub values: Vec<f64>,
    /// What replaced missing values in the run.
    pub fill: Option<f64>,
}

/// Makes rules from a sample: the values, the published numbers and the order keys of the rows that [`pick`](super::pick)
/// named. `None` where there is nothing to tell apart: one cluster, no column with two values, or too few customers to
/// learn from and to hold out.
pub fn learn(columns: &[Column], labels: &[u16], keys: &[u64], n_clusters: usize) -> Option<Rules> {
    let (held_out, training): (Vec<usize>, Vec<usize>) =
        (0..keys.len()).partition(|&row| sample::is_held_out(keys[row]));
    if n_clusters < 2 || training.is_empty() || held_out.is_empty() {
        return None;
    }
    let values: Vec<Vec<f64>> = columns.iter().map(filled).collect();
    let table = Table::new(&values, labels.to_vec(), n_clusters, &training);
    if !table.is_askable() {
        return None;
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let short = short::grow(&table, &training);
    if short.is_leaf() {
        return None;
    }
    let fine = fine::grow(&table, &training, short.clone());
    Some(Rules {
        trained_on: training.len() as u64,
        held_out: held_out.len() as u64,
        short: short.finish(&table, &names, &held_out),
        fine: fine.finish(&table, &names, &held_out),
    })
}

/// The values with what replaced those that are no finite number.
fn filled(column: &Column) -> Vec<f64> {
    let fill = column.fill.unwrap_or(f64::NAN);
    column.values.iter().map(|&value| if value.is_finite() { value } else { fill }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{LEAVES_MAX, Leaf, Tree};

    /// The values of two columns, labels and keys of some customers.
    struct Customers {
        columns: [Vec<f64>; 2],
        labels: Vec<u16>,
        keys: Vec<u64>,
    }

    impl Customers {
        /// Spread over a square of side 100, each in the cluster that `label` says.
        fn spread(n: u64, label: impl Fn(f64, f64) -> u16) -> Customers {
            let hash = |i: u64| {
                (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
            };
            let at = |i: u64| [hash(3 * i) % 10_007, hash(5 * i + 1) % 10_009].map(|place| place as f64 / 100.1);
            let places: Vec<[f64; 2]> = (0..n).map(at).collect();
            Customers {
                columns: [0, 1].map(|axis| places.iter().map(|place| place[axis]).collect()),
                labels: places.iter().map(|[x, y]| label(*x, *y)).collect(),
                keys: (0..n).map(|i| hash(i) ^ hash(i) >> 29).collect(),
            }
        }

        fn rules(&self) -> Option<Rules> {
            let columns = ["x", "y"].into_iter().zip(&self.columns);
            let columns: Vec<Column> =
                columns.map(|(name, values)| Column { name, values: values.clone(), fill: Some(50.0) }).collect();
            let n_clusters = self.labels.iter().max().map_or(0, |last| usize::from(*last) + 1);
            learn(&columns, &self.labels, &self.keys, n_clusters)
        }

        fn part_right(&self, tree: impl Fn(&Rules) -> &Tree) -> f64 {
            let rules = self.rules().unwrap();
            tree(&rules).right as f64 / rules.held_out as f64
        }
    }

    /// Four boxes of different sizes.
    fn boxes() -> Customers {
        Customers::spread(4_000, |x, y| match (x > 30.0, y > 70.0) {
            (false, false) => 0,
            (false, true) => 1,
            (true, _) if x > 80.0 => 2,
            (true, _) => 3,
        })
    }

    #[test]
    fn boxes_are_found_as_they_are_with_one_leaf_each() {
        let customers = boxes();
        let rules = customers.rules().unwrap();
        assert!(customers.part_right(|rules| &rules.short) > 0.99, "{rules:?}");
        let leaves = rules.short.root.leaves();
        let mut clusters: Vec<usize> = leaves.iter().map(|leaf| leaf.cluster).collect();
        clusters.sort_unstable();
        assert_eq!(clusters, [0, 1, 2, 3]);
        let bound = |leaf: &Leaf, column: &str| leaf.bounds.iter().find(|bound| bound.column == column).cloned();
        for leaf in &leaves {
            let x = bound(leaf, "x").unwrap();
            match leaf.cluster {
                2 => assert!((x.above.unwrap() - 80.0).abs() < 1.0, "{x:?}"),
                3 => assert!((x.above.unwrap() - 30.0).abs() < 1.0 && (x.at_most.unwrap() - 80.0).abs() < 1.0),
                _ => assert!((x.at_most.unwrap() - 30.0).abs() < 1.0 && bound(leaf, "y").is_some()),
            }
        }
        assert_eq!(rules.trained_on + rules.held_out, 4_000);
    }

    #[test]
    fn the_order_of_the_customers_changes_nothing() {
        let mut customers = boxes();
        let rules = customers.rules();
        for turn in [1, 1777] {
            customers.columns.iter_mut().for_each(|column| column.rotate_left(turn));
            customers.labels.rotate_left(turn);
            customers.keys.rotate_left(turn);
            assert_eq!(customers.rules(), rules);
        }
        customers.columns.iter_mut().for_each(|column| column.reverse());
        customers.labels.reverse();
        customers.keys.reverse();
        assert_eq!(customers.rules(), rules);
    }

    #[test]
    fn whoever_is_held_out_has_no_say_in_the_rules_and_all_in_their_figures() {
        let mut customers = boxes();
        let before = customers.rules().unwrap();
        for (label, key) in customers.labels.iter_mut().zip(&customers.keys) {
            if sample::is_held_out(*key) {
                *label = (*label + 1) % 4;
            }
        }
        let after = customers.rules().unwrap();
        let asked =
            |tree: &Tree| tree.root.leaves().into_iter().map(|leaf| (leaf.cluster, leaf.bounds)).collect::<Vec<_>>();
        assert_eq!(asked(&after.short), asked(&before.short));
        assert_eq!(asked(&after.fine), asked(&before.fine));
        assert!(before.short.right > after.short.right * 20, "{} {}", before.short.right, after.short.right);
    }

    #[test]
    fn the_figures_are_the_counts_of_the_held_out_customers() {
        let customers = Customers::spread(2_000, |x, y| u16::from(x + y > 100.0) + u16::from(x - y > 50.0));
        let rules = customers.rules().unwrap();
        for tree in [&rules.short, &rules.fine] {
            let mut counted = vec![[0u64; 3]; 3];
            for row in (0..2_000).filter(|&row| sample::is_held_out(customers.keys[row])) {
                let value = |name: &str| customers.columns[usize::from(name == "y")][row];
                let (own, named) = (usize::from(customers.labels[row]), tree.root.cluster(&value).unwrap());
                counted[own][0] += 1;
                counted[named][1] += 1;
                counted[own][2] += u64::from(own == named);
            }
            let told: Vec<[u64; 3]> = tree.clusters.iter().map(|f| [f.of_cluster, f.in_leaves, f.right]).collect();
            assert_eq!(told, counted);
            assert_eq!(tree.right, counted.iter().map(|[.., right]| right).sum::<u64>());
            let leaves = tree.root.leaves();
            assert_eq!(leaves.iter().map(|leaf| leaf.held_out).sum::<u64>(), rules.held_out);
            assert_eq!(leaves.iter().map(|leaf| leaf.right).sum::<u64>(), tree.right);
        }
    }

    #[test]
    fn slanted_borders_need_the_finer_rules() {
        let customers = Customers::spread(4_000, |x, y| u16::from(x + y > 100.0));
        let (short, fine) = (customers.part_right(|r| &r.short), customers.part_right(|r| &r.fine));
        assert!(short > 0.7 && fine > short + 0.1, "{short} {fine}");
    }

    #[test]
    fn more_clusters_than_anybody_would_read_have_no_more_leaves_than_that() {
        let customers = Customers::spread(20_000, |x, y| (x / 10.0) as u16 * 10 + (y / 10.0) as u16);
        let rules = customers.rules().unwrap();
        let mut clusters: Vec<usize> = rules.short.root.leaves().iter().map(|leaf| leaf.cluster).collect();
        assert_eq!(clusters.len(), LEAVES_MAX);
        clusters.sort_unstable();
        clusters.dedup();
        assert_eq!(clusters.len(), LEAVES_MAX, "one leaf each");
    }

    #[test]
    fn a_cluster_of_very_few_has_no_leaf() {
        let customers = Customers::spread(4_000, |x, y| if x < 4.0 && y < 4.0 { 2 } else { u16::from(x > 50.0) });
        let few = customers.labels.iter().filter(|label| **label == 2).count();
        assert!((1..8).contains(&few), "{few}");
        let rules = customers.rules().unwrap();
        assert_eq!(rules.short.root.leaves().iter().map(|leaf| leaf.cluster).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(rules.short.clusters.len(), 3);
    }

    #[test]
    fn a_missing_value_is_what_replaced_it() {
        let mut customers = boxes();
        let filled =
            |customers: &mut Customers, value| (0..4_000).step_by(3).for_each(|row| customers.columns[1][row] = value);
        filled(&mut customers, f64::NAN);
        let rules = customers.rules();
        filled(&mut customers, 50.0);
        assert_eq!(customers.rules(), rules);
    }

    #[test]
    fn where_nobody_can_be_told_apart_there_are_no_rules() {
        assert_eq!(Customers::spread(500, |_, _| 0).rules(), None, "one cluster");
        let mut alike = boxes();
        alike.columns.iter_mut().flatten().for_each(|value| *value = 7.0);
        assert_eq!(alike.rules(), None, "one place");
        assert_eq!(Customers::spread(1, |_, _| 1).rules(), None, "nobody to hold out");
        assert_eq!(Customers::spread(12, |x, _| (x / 26.0) as u16).rules(), None, "a few of each");
    }
}
