//! The simplified silhouette: distances to centroids instead of mean distances to rows, so that it costs one look at each
//! row. For a row it is 1 - nearest / second nearest, the margin of its assignment.

use super::fixed::{SHARE_BITS, fixed, mean};
use super::over::ranges;
use crate::engine::{Assignment, distance};
use crate::grid::{Centroids, Matrix, PANEL_ROWS, WIDE};

/// Integers below this are exact in f64.
const EXACT_MAX: f64 = (1u64 << 53) as f64;

/// Mean over rows of 1 - nearest / second-nearest distance to the centroids; 0 for a row that both are on. None with
/// fewer than two clusters or without rows. `assignment` holds numbers of `centroids`.
pub fn simplified_silhouette(
    matrix: &Matrix,
    centroids: &Centroids,
    assignment: &Assignment,
    threads: usize,
) -> Option<f64> {
    if centroids.n_clusters() < 2 || matrix.n_rows() == 0 {
        return None;
    }
    let columns = Columns::new(centroids);
    let parts = ranges(matrix.n_rows(), PANEL_ROWS, threads, |rows| {
        let mut sum = 0i128;
        for first in rows.clone().step_by(PANEL_ROWS) {
            let n = PANEL_ROWS.min(rows.end - first);
            let squares = columns.as_ref().map(|columns| columns.squares(matrix, assignment, first, n));
            for lane in 0..n {
                let [nearest, second] = match &squares {
                    Some(squares) if !matrix.is_wide(first + lane) => [squares[0][lane], squares[1][lane]],
                    _ => exact(matrix, centroids, assignment, first + lane),
                };
                if second > 0.0 {
                    sum += fixed(1.0 - nearest.sqrt() / second.sqrt(), SHARE_BITS);
                }
            }
        }
        sum
    });
    Some(mean(parts.iter().sum(), matrix.n_rows() as u64, SHARE_BITS))
}

/// Squared distances of one row, rounded once.
fn exact(matrix: &Matrix, centroids: &Centroids, assignment: &Assignment, row: usize) -> [f64; 2] {
    let mut coordinates = vec![0; matrix.n_features()];
    matrix.row(row, &mut coordinates);
    [&assignment.labels, &assignment.runners_up]
        .map(|labels| distance(&coordinates, centroids.row(usize::from(labels[row]))) as f64)
}

/// Centroids whose squared distances to narrow rows f64 holds exactly, feature after feature, (d, k).
struct Columns {
    n_clusters: usize,
    values: Vec<f64>,
}

impl Columns {
    /// None where a centroid lies too far out.
    fn new(centroids: &Centroids) -> Option<Self> {
        let (k, d) = (centroids.n_clusters(), centroids.n_features());
        let reach = centroids.values().iter().map(|c| c.abs()).max().unwrap_or(0) as f64 + WIDE as f64;
        let values = (0..d).flat_map(|feature| (0..k).map(move |cluster| centroids.row(cluster)[feature] as f64));
        (reach * reach * (d as f64) < EXACT_MAX).then(|| Self { n_clusters: k, values: values.collect() })
    }

    /// Of the first `n` rows of a panel, to the nearest and to the second-nearest centroid. Wide rows have no meaning.
    fn squares(&self, matrix: &Matrix, assignment: &Assignment, first: usize, n: usize) -> [[f64; PANEL_ROWS]; 2] {
        let d = matrix.n_features();
        matrix.visit(first / PANEL_ROWS..first / PANEL_ROWS + 1);
        let (columns, _) = matrix.panels()[first * d..(first + PANEL_ROWS) * d].as_chunks::<PANEL_ROWS>();
        let labels = [&assignment.labels, &assignment.runners_up].map(|labels| {
            let mut own = [0; PANEL_ROWS];
            own.iter_mut().zip(&labels[first..first + n]).for_each(|(own, &label)| *own = usize::from(label));
            own
        });
        let mut squares = [[0.0; PANEL_ROWS]; 2];
        for (column, values) in columns.iter().zip(self.values.chunks_exact(self.n_clusters)) {
            for (squares, labels) in squares.iter_mut().zip(&labels) {
                for lane in 0..PANEL_ROWS {
                    // Integers below 2^53, in every order.
                    let difference = f64::from(column[lane]) - values[labels[lane]];
                    squares[lane] += difference * difference;
                }
            }
        }
        squares
    }
}
