//! A tree while it grows: places that are leaves until they are split. What the ways of growing share is here: turning
//! into a tree in the user's units, with the count of how often each leaf is right.

use super::table::{Question, Table};
use super::tree::{Fidelity, Node, Tree};

/// Where a question or a leaf stands.
pub(super) type Place = usize;

#[derive(Debug, Clone)]
pub(super) struct Grown {
    places: Vec<Part>,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    /// The leaf's cluster, as long as there is no question.
    cluster: usize,
    split: Option<(Question, [Place; 2])>,
}

impl Grown {
    pub(super) const ROOT: Place = 0;

    pub(super) fn leaf(cluster: usize) -> Grown {
        Grown { places: vec![Part { cluster, split: None }] }
    }

    pub(super) fn is_leaf(&self) -> bool {
        self.places.len() == 1
    }

    /// Makes a leaf a question with two leaves: for those who are within it, and for the others.
    pub(super) fn split(&mut self, place: Place, question: Question, clusters: [usize; 2]) -> [Place; 2] {
        let next = self.places.len();
        self.places[place].split = Some((question, [next, next + 1]));
        self.places.extend(clusters.map(|cluster| Part { cluster, split: None }));
        [next, next + 1]
    }

    fn rows_of_places(&self, table: &Table, rows: &[usize]) -> Vec<Vec<usize>> {
        let mut of: Vec<Vec<usize>> = vec![Vec::new(); self.places.len()];
        of[Self::ROOT] = rows.to_vec();
        for place in 0..self.places.len() {
            if let Some((question, sides)) = self.places[place].split {
                let (then, otherwise) = table.part(question, &of[place]);
                of[sides[0]] = then;
                of[sides[1]] = otherwise;
            }
        }
        of
    }

    /// The leaves, how many questions lead to each, and the rows in it.
    pub(super) fn leaves(&self, table: &Table, rows: &[usize]) -> Vec<(Place, usize, Vec<usize>)> {
        let mut of = self.rows_of_places(table, rows);
        let mut depths = vec![0; self.places.len()];
        let mut leaves = Vec::new();
        for place in 0..self.places.len() {
            match self.places[place].split {
                Some((_, sides)) => sides.iter().for_each(|&side| depths[side] = depths[place] + 1),
                None => leaves.push((place, depths[place], std::mem::take(&mut of[place]))),
            }
        }
        leaves
    }

    /// In the user's units, with what the held-out rows say of it. `names` are those of the columns.
    pub(super) fn finish(&self, table: &Table, names: &[&str], held_out: &[usize]) -> Tree {
        let rows = self.rows_of_places(table, held_out);
        let mut clusters = vec![Fidelity::default(); table.n_clusters];
        let root = self.node(Self::ROOT, table, names, &rows, &mut clusters);
        for (fidelity, of_cluster) in clusters.iter_mut().zip(table.count(held_out)) {
            fidelity.of_cluster = of_cluster;
        }
        Tree { root, right: clusters.iter().map(|fidelity| fidelity.right).sum(), clusters }
    }

    fn node(
        &self,
        place: Place,
        table: &Table,
        names: &[&str],
        rows: &[Vec<usize>],
        clusters: &mut [Fidelity],
    ) -> Node {
        let Part { cluster, split } = self.places[place];
        if let Some((question, sides)) = split {
            let [then, otherwise] = sides.map(|side| Box::new(self.node(side, table, names, rows, clusters)));
            if let (Node::Leaf { cluster: a, held_out: n, right: r }, Node::Leaf { cluster: b, held_out: m, right: s }) =
                (&*then, &*otherwise)
                && a == b
            {
                return Node::Leaf { cluster: *a, held_out: n + m, right: r + s };
            }
            let column = names[question.column].to_owned();
            return Node::Split { column, at_most: table.cut(question), then, otherwise };
        }
        let right = rows[place].iter().filter(|&&row| usize::from(table.labels[row]) == cluster).count() as u64;
        let held_out = rows[place].len() as u64;
        clusters[cluster].in_leaves += held_out;
        clusters[cluster].right += right;
        Node::Leaf { cluster, held_out, right }
    }
}
