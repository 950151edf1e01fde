//! Rows regrouped by cluster, and what is asked about them: the mean distance of a row to the rows of each cluster,
//! from which a silhouette is made. It is the second thing an engine may be asked for, beside [`Engine`](super::Engine).
//!
//! Distances do not know of clusters. Several clusterings of the same rows are therefore measured together: rows that no
//! clustering tells apart form a cell, sums are taken per cell, and a cluster's sum is that of its cells.

use std::collections::BTreeMap;
use std::ops::Range;

use super::distance;
use crate::error::Result;
use crate::grid::Matrix;
use crate::observe::Observe;

/// Distances are added up as multiples of 2^-12 steps. From 2,048 steps on an f32 is such a multiple itself.
pub const UNITS_PER_STEP: f64 = 4096.0;

/// The distance whose square is `squared`, in units: the root of the square as an f32, both rounded once, and then
/// rounded to a whole number. It depends on the square alone, so every way to compute it gives the same.
pub fn units(squared: i128) -> u128 {
    whole((squared as f32).sqrt())
}

/// The same of a square that f64 holds exactly.
pub(super) fn units_of_exact(squared: f64) -> u128 {
    whole((squared as f32).sqrt())
}

/// A distance in steps, in whole units, halves to even.
fn whole(root: f32) -> u128 {
    // Adding this leaves no fraction; from its half on an f64 has none.
    const NO_FRACTION: f64 = 1.5 * (1u64 << 52) as f64;
    // The product by a power of two is exact.
    let units = f64::from(root) * UNITS_PER_STEP;
    if units < NO_FRACTION / 3.0 { u128::from(((units + NO_FRACTION) - NO_FRACTION) as u64) } else { units as u128 }
}

/// Rows that a cell of several clusterings shall have in the mean: smaller ones leave vectors half empty.
const CELL_ROWS_MIN: usize = 64;

/// One clustering of the rows.
#[derive(Debug, Clone, Copy)]
pub struct Labelling<'a> {
    /// One number below `n_clusters` per row.
    pub labels: &'a [u16],
    pub n_clusters: usize,
}

/// Rows that no clustering tells apart.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// Within [`Groups::order`].
    range: Range<usize>,
    /// Of each clustering, the slot of the cluster that it lies in.
    pub slots: Vec<usize>,
}

/// The rows of a matrix, cell after cell. Every cluster of every clustering has a slot, one clustering after the other.
#[derive(Debug, Clone)]
pub struct Groups<'a> {
    matrix: &'a Matrix,
    labellings: Vec<Labelling<'a>>,
    /// Where the slots of each clustering begin, and the end.
    firsts: Vec<usize>,
    /// Rows per slot.
    sizes: Vec<usize>,
    order: Vec<usize>,
    cells: Vec<Cell>,
    /// The cell of each row.
    cell_of: Vec<u32>,
}

impl<'a> Groups<'a> {
    /// Groups the rows by the first of the clusterings and as many of the next ones as leave cells of a useful size. How
    /// many these are is [`Groups::n_labellings`].
    pub fn new(matrix: &'a Matrix, labellings: &[Labelling<'a>]) -> Self {
        let n_rows = matrix.n_rows();
        let mut cell_of = vec![0u32; n_rows];
        let mut slots: Vec<Vec<usize>> = vec![Vec::new()];
        let (mut firsts, mut sizes) = (vec![0], Vec::new());
        for (number, labelling) in labellings.iter().enumerate() {
            assert_eq!(labelling.labels.len(), n_rows, "one label per row");
            // Cells are numbered as they come up, which no result depends on.
            let mut numbers: BTreeMap<(u32, u16), u32> = BTreeMap::new();
            let mut last = ((u32::MAX, 0), 0);
            let mut split = Vec::with_capacity(n_rows);
            for (&cell, &label) in cell_of.iter().zip(labelling.labels) {
                if last.0 != (cell, label) {
                    let next = numbers.len() as u32;
                    last = ((cell, label), *numbers.entry((cell, label)).or_insert(next));
                }
                split.push(last.1);
            }
            if number > 0 && numbers.len() > n_rows / CELL_ROWS_MIN {
                break;
            }
            let mut split_slots = vec![Vec::new(); numbers.len()];
            for (&(cell, label), &number) in &numbers {
                let mut slots = slots[cell as usize].clone();
                slots.push(sizes.len() + usize::from(label));
                split_slots[number as usize] = slots;
            }
            let first = sizes.len();
            sizes.resize(first + labelling.n_clusters, 0);
            labelling.labels.iter().for_each(|&label| sizes[first + usize::from(label)] += 1);
            (cell_of, slots) = (split, split_slots);
            firsts.push(sizes.len());
        }
        let mut ends = vec![0; slots.len()];
        cell_of.iter().for_each(|&cell| ends[cell as usize] += 1);
        let mut end = 0;
        let mut cells = Vec::with_capacity(slots.len());
        for (n_rows, slots) in ends.iter_mut().zip(slots) {
            let range = end..end + *n_rows;
            (*n_rows, end) = (range.start, range.end);
            cells.push(Cell { range, slots });
        }
        let mut order = vec![0; n_rows];
        for (row, &cell) in cell_of.iter().enumerate() {
            order[ends[cell as usize]] = row;
            ends[cell as usize] += 1;
        }
        let labellings = labellings[..firsts.len() - 1].to_vec();
        Self { matrix, labellings, firsts, sizes, order, cells, cell_of }
    }

    pub fn matrix(&self) -> &'a Matrix {
        self.matrix
    }

    pub fn n_labellings(&self) -> usize {
        self.labellings.len()
    }

    pub(super) fn n_slots(&self) -> usize {
        self.sizes.len()
    }

    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Row numbers of a cell, ascending.
    pub(super) fn rows(&self, cell: &Cell) -> &[usize] {
        &self.order[cell.range.clone()]
    }

    pub(super) fn cell_of(&self, row: usize) -> usize {
        self.cell_of[row] as usize
    }

    /// The slots that a row lies in, one per clustering.
    fn slots_of(&self, row: usize) -> &[usize] {
        &self.cells[self.cell_of(row)].slots
    }

    /// Adds the distances of a row to the wide rows, which no kernel sees, to its totals per slot, in units.
    pub(super) fn add_wide(&self, coordinates: &[i64], totals: &mut [u128]) {
        let wide = self.matrix.wide();
        for (&other, other_coordinates) in wide.rows.iter().zip(wide.coordinates.chunks_exact(coordinates.len())) {
            let units = units(distance(coordinates, other_coordinates));
            self.slots_of(other as usize).iter().for_each(|&slot| totals[slot] += units);
        }
    }

    /// The totals of one row over all rows, one by one.
    pub(super) fn totals(&self, row: usize) -> Vec<u128> {
        let (mut coordinates, mut other) = (vec![0; self.matrix.n_features()], vec![0; self.matrix.n_features()]);
        self.matrix.row(row, &mut coordinates);
        let mut totals = vec![0; self.n_slots()];
        for number in 0..self.matrix.n_rows() {
            self.matrix.row(number, &mut other);
            let units = units(distance(&coordinates, &other));
            self.slots_of(number).iter().for_each(|&slot| totals[slot] += units);
        }
        totals
    }

    /// The mean distances of a row in each clustering, from its totals per slot in steps.
    pub(super) fn neighbourhoods(
        &self,
        row: usize,
        total: impl Fn(usize) -> f64,
    ) -> impl Iterator<Item = Neighbourhood> {
        let slots = self.firsts.windows(2).map(|ends| ends[0]..ends[1]);
        slots.zip(self.slots_of(row)).map(move |(slots, &own)| {
            let others = slots.filter(|&slot| slot != own && self.sizes[slot] > 0);
            Neighbourhood {
                own: (self.sizes[own] > 1).then(|| total(own) / (self.sizes[own] - 1) as f64),
                other: others.map(|slot| total(slot) / self.sizes[slot] as f64).reduce(f64::min),
            }
        })
    }
}

/// Mean Euclidean distances of one row in one clustering, in steps.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Neighbourhood {
    /// To the other rows of its own cluster; none where it is alone there.
    pub own: Option<f64>,
    /// To the rows of whichever other cluster has the smallest mean; none where there is no other cluster.
    pub other: Option<f64>,
}

/// An engine that measures rows against clusters.
pub trait Neighbours: Send {
    /// The neighbourhoods of the asked rows against *all* rows of the groups: in the order asked, for each row one per
    /// clustering.
    fn neighbourhoods(&mut self, groups: &Groups, asked: &[usize], observe: &Observe) -> Result<Vec<Neighbourhood>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(n: usize) -> Matrix {
        Matrix::from_rows(1, &vec![vec![0]; n], None, vec![0; n])
    }

    #[test]
    fn units_are_the_rounded_root_whatever_its_size() {
        for square in [0, 1, 2, 3, 1 << 21, (1 << 44) - 1, 1 << 80, (1 << 110) + 12_345] {
            let root = (square as f64).sqrt();
            let error = (units(square) as f64 / UNITS_PER_STEP - root).abs();
            assert!(error <= root * 1.5 / f64::from(1 << 24) + 0.5 / UNITS_PER_STEP, "{square}");
        }
        assert_eq!(units_of_exact(((1u64 << 44) - 1) as f64), units((1 << 44) - 1));
    }

    #[test]
    fn cells_are_what_no_clustering_tells_apart() {
        let matrix = matrix(1000);
        let labels = |of: fn(u16) -> u16| (0..1000).map(of).collect::<Vec<u16>>();
        let (two, three) = (labels(|row| row % 2), labels(|row| row / 400));
        let labellings = [Labelling { labels: &two, n_clusters: 2 }, Labelling { labels: &three, n_clusters: 4 }];
        let groups = Groups::new(&matrix, &labellings);
        assert_eq!((groups.n_labellings(), groups.cells().len(), groups.n_slots()), (2, 6, 6));
        assert_eq!(groups.sizes, [500, 500, 400, 400, 200, 0]);
        let mut seen = vec![false; 1000];
        for cell in groups.cells() {
            for &row in groups.rows(cell) {
                assert_eq!(cell.slots, [usize::from(two[row]), 2 + usize::from(three[row])]);
                assert!(std::ptr::eq(&groups.cells()[groups.cell_of(row)], cell));
                assert!(!std::mem::replace(&mut seen[row], true));
            }
        }
        assert!(seen.iter().all(|&seen| seen));
    }

    #[test]
    fn clusterings_that_would_shatter_the_rows_are_left_for_later() {
        let matrix = matrix(640);
        let labels = |of: fn(u16) -> u16| (0..640).map(of).collect::<Vec<u16>>();
        let (five, three, one) = (labels(|row| row % 5), labels(|row| row % 3), labels(|_| 0));
        let of = |labels, n_clusters| Labelling { labels, n_clusters };
        assert_eq!(Groups::new(&matrix, &[of(&five, 5), of(&one, 1), of(&three, 3)]).n_labellings(), 2);
        // The first is always taken.
        let each = labels(|row| row);
        assert_eq!(Groups::new(&matrix, &[of(&each, 640), of(&one, 1)]).n_labellings(), 1);
    }
}
