//! What a tree of rules is once it is made: questions in the user's units, leaves with a cluster each, and how often
//! they are right.

use serde::{Deserialize, Serialize};

/// Leaves of a tree, at most: more nobody reads.
pub const LEAVES_MAX: usize = 32;

/// Rules for the clusters of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Customers that the rules were made from; a sample by the hash of their ids.
    pub trained_on: u64,
    /// Other customers, by the same hash, that the figures of both trees are of.
    pub held_out: u64,
    /// At most one leaf per cluster.
    pub short: Tree,
    /// A few leaves more, to be right more often.
    pub fine: Tree,
}

/// A tree, with how well it does on the customers that were held out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    pub root: Node,
    /// Held-out customers whose leaf has the name of their cluster.
    pub right: u64,
    /// By published number.
    pub clusters: Vec<Fidelity>,
}

/// How well a tree finds the customers of a cluster, in customers that were held out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fidelity {
    /// Of the cluster.
    pub of_cluster: u64,
    /// In a leaf with its name.
    pub in_leaves: u64,
    /// Both.
    pub right: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Node {
    /// A missing value is what replaced it in the run.
    Split {
        column: String,
        /// In the user's units.
        at_most: f64,
        /// Whoever is at most that.
        then: Box<Node>,
        #[serde(rename = "else")]
        otherwise: Box<Node>,
    },
    Leaf {
        /// Published number.
        cluster: usize,
        /// Held-out customers in the leaf, and those of them who are of the cluster.
        held_out: u64,
        right: u64,
    },
}

/// A leaf with all that leads to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    pub cluster: usize,
    pub held_out: u64,
    pub right: u64,
    /// One for every column that was asked about, in the order of the questions; all hold for whoever is in the leaf.
    pub bounds: Vec<Bound>,
}

/// Where the values of a column lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    pub column: String,
    pub above: Option<f64>,
    pub at_most: Option<f64>,
}

impl Node {
    /// The cluster whose leaf a customer ends in. `None` where a value that is asked for is no number.
    pub fn cluster(&self, value_of: &dyn Fn(&str) -> f64) -> Option<usize> {
        let mut node = self;
        loop {
            match node {
                Node::Leaf { cluster, .. } => return Some(*cluster),
                Node::Split { column, at_most, then, otherwise } => match value_of(column) {
                    value if value.is_nan() => return None,
                    value if value <= *at_most => node = then,
                    _ => node = otherwise,
                },
            }
        }
    }

    /// All leaves, those of `then` first.
    pub fn leaves(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        self.collect(&mut Vec::new(), &mut leaves);
        leaves
    }

    fn collect(&self, bounds: &mut Vec<Bound>, leaves: &mut Vec<Leaf>) {
        match self {
            Node::Leaf { cluster, held_out, right } => {
                let (cluster, held_out, right) = (*cluster, *held_out, *right);
                leaves.push(Leaf { cluster, held_out, right, bounds: bounds.clone() });
            }
            Node::Split { column, at_most, then, otherwise } => {
                let outer = bounds.clone();
                // Deeper questions about a column lie within the earlier ones.
                bound(bounds, column).at_most = Some(*at_most);
                then.collect(bounds, leaves);
                bounds.clone_from(&outer);
                bound(bounds, column).above = Some(*at_most);
                otherwise.collect(bounds, leaves);
                *bounds = outer;
            }
        }
    }
}

fn bound<'a>(bounds: &'a mut Vec<Bound>, column: &str) -> &'a mut Bound {
    let at = bounds.iter().position(|bound| bound.column == column).unwrap_or_else(|| {
        bounds.push(Bound { column: column.to_owned(), above: None, at_most: None });
        bounds.len() - 1
    });
    &mut bounds[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Node {
        let leaf = |cluster| Box::new(Node::Leaf { cluster, held_out: 10, right: 9 });
        let split = |column: &str, at_most, then, otherwise| {
            Box::new(Node::Split { column: column.into(), at_most, then, otherwise })
        };
        *split("a", 10.0, split("b", 1.0, leaf(0), split("a", 5.0, leaf(1), leaf(2))), leaf(0))
    }

    #[test]
    fn a_customer_ends_in_the_leaf_whose_bounds_hold() {
        let tree = tree();
        for (a, b, expected) in [(10.0, 1.0, 0), (5.0, 1.5, 1), (5.5, 1.5, 2), (10.5, 0.0, 0), (-9.0, 9.0, 1)] {
            let value = |name: &str| if name == "a" { a } else { b };
            assert_eq!(tree.cluster(&value), Some(expected));
            let holds = |leaf: &&Leaf| {
                leaf.bounds.iter().all(|bound| {
                    let value = value(&bound.column);
                    bound.above.is_none_or(|above| value > above) && bound.at_most.is_none_or(|most| value <= most)
                })
            };
            let leaves = tree.leaves();
            let held: Vec<&Leaf> = leaves.iter().filter(holds).collect();
            assert_eq!(held.iter().map(|leaf| leaf.cluster).collect::<Vec<_>>(), [expected]);
        }
        assert_eq!(tree.cluster(&|_| f64::NAN), None);
    }

    #[test]
    fn bounds_of_one_column_are_one() {
        let bound = |column: &str, above, at_most| Bound { column: column.into(), above, at_most };
        let leaves = tree().leaves();
        assert_eq!(leaves[2].bounds, [bound("a", Some(5.0), Some(10.0)), bound("b", Some(1.0), None)]);
        assert_eq!(leaves[3].bounds, [bound("a", Some(10.0), None)]);
    }

    #[test]
    fn rules_come_back_from_json_as_they_were() {
        let tree = Tree { root: tree(), right: 7, clusters: vec![Fidelity { of_cluster: 9, in_leaves: 8, right: 7 }] };
        let rules = Rules { trained_on: 5, held_out: 9, short: tree.clone(), fine: tree };
        let text = serde_json::to_string(&rules).unwrap();
        assert_eq!(serde_json::from_str::<Rules>(&text).unwrap(), rules);
        assert!(text.contains(r#"{"split":{"column":"a","at_most":10.0,"then":{"split""#), "{text}");
        assert!(text.contains(r#""else":{"leaf":{"cluster":0,"held_out":10,"right":9}}"#), "{text}");
    }
}
