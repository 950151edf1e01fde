//! What is known of panels once they are filled: column totals, the sum of squares, the weight, and how far each panel
//! reaches. All of it is made panel by panel, so that it can be made of a part at a time.

use super::{Matrix, PANEL_ROWS, WIDE, WideRows};

/// What is known of a range of panels once it is filled; merges like everything else that is integer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Σ w·q per feature, over all rows, wide ones included.
    pub columns: Vec<i128>,
    /// Σ w |q|², over all rows.
    pub squares: i128,
    /// Σ w.
    pub weight: u64,
}

impl Matrix {
    /// Facts of the narrow rows of whole panels, and each panel's reach: an upper bound of the Euclidean norm of its
    /// narrow rows, in steps. `weights` is empty where there are none, else one per row; `n_rows` of the slots are rows.
    pub fn facts_of(n_features: usize, panels: &[f32], weights: &[u16], n_rows: usize) -> (Facts, Vec<f32>) {
        let mut facts = Facts { columns: vec![0; n_features], squares: 0, weight: 0 };
        let mut reach = Vec::with_capacity(panels.len() / (n_features * PANEL_ROWS));
        for (index, panel) in panels.chunks_exact(n_features * PANEL_ROWS).enumerate() {
            let first = index * PANEL_ROWS;
            let rows = n_rows.saturating_sub(first).min(PANEL_ROWS);
            // What a row counts for in sums, and whether it is narrow; all of it is 0 behind the last row.
            let (mut weight, mut narrow) = ([0.0; PANEL_ROWS], [0.0; PANEL_ROWS]);
            for lane in 0..rows {
                let own = if weights.is_empty() { 1 } else { weights[first + lane] };
                facts.weight += u64::from(own);
                narrow[lane] = if panel[lane] < WIDE as f32 { 1.0 } else { 0.0 };
                weight[lane] = f64::from(own) * narrow[lane];
            }
            // Integers that f64 holds, whatever is added first: w·q < 2^36 and |q|² < d · 2^40 <= 2^49.
            let mut norms = [0.0; PANEL_ROWS];
            for (feature, column) in panel.chunks_exact(PANEL_ROWS).enumerate() {
                facts.columns[feature] += i128::from(add_column(column, &narrow, &weight, &mut norms) as i64);
            }
            let square = |(&norm, &weight): (&f64, &f64)| i128::from(norm as i64) * i128::from(weight as i64);
            facts.squares += norms.iter().zip(&weight).map(square).sum::<i128>();
            let largest = norms.iter().fold(0.0, |a: f64, &b| if b > a { b } else { a });
            reach.push(next_above(largest.sqrt()));
        }
        (facts, reach)
    }
}

impl Facts {
    pub fn merge(&mut self, other: &Facts) {
        if self.columns.is_empty() {
            self.columns = vec![0; other.columns.len()];
        }
        for (a, b) in self.columns.iter_mut().zip(&other.columns) {
            *a += b;
        }
        self.squares += other.squares;
        self.weight += other.weight;
    }

    /// Adds the coordinates of wide rows; their weight is counted with the panels.
    pub fn add_wide(&mut self, n_features: usize, wide: &WideRows, weights: Option<&[u16]>) {
        for (row, coordinates) in wide.rows.iter().zip(wide.coordinates.chunks_exact(n_features)) {
            let weight = weights.map_or(1, |w| i128::from(w[*row as usize]));
            for (column, &q) in self.columns.iter_mut().zip(coordinates) {
                *column += weight * i128::from(q);
                self.squares += weight * i128::from(q) * i128::from(q);
            }
        }
    }
}

/// Adds q² of a panel's column to the rows' norms; gives back Σ w·q. Eight rows side by side, so that nothing waits for
/// the addition before it.
fn add_column(
    column: &[f32],
    narrow: &[f64; PANEL_ROWS],
    weight: &[f64; PANEL_ROWS],
    norms: &mut [f64; PANEL_ROWS],
) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (columns, narrow) = (column.as_chunks::<LANES>().0, narrow.as_chunks::<LANES>().0);
    let rows = columns.iter().zip(narrow).zip(weight.as_chunks::<LANES>().0).zip(norms.as_chunks_mut::<LANES>().0);
    for (((values, narrow), weight), norms) in rows {
        for lane in 0..LANES {
            let q = f64::from(values[lane]) * narrow[lane];
            sums[lane] += q * weight[lane];
            norms[lane] += q * q;
        }
    }
    sums.iter().sum()
}

/// The next f32 at or above a non-negative f64.
fn next_above(value: f64) -> f32 {
    let rounded = value as f32;
    if f64::from(rounded) < value { rounded.next_up() } else { rounded }
}
