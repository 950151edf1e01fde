//! How far two clusterings of the same rows agree: the adjusted Rand index over all, Jaccard per cluster. Numbers of
//! clusters mean nothing here; only which rows stand together does.

/// Rows per pair of clusters, (n_a, n_b).
#[derive(Debug)]
struct Shared {
    n_b: usize,
    rows: Vec<u64>,
}

impl Shared {
    fn count(a: &[u16], n_a: usize, b: &[u16], n_b: usize) -> Self {
        assert_eq!(a.len(), b.len(), "two clusterings of the same rows");
        let mut rows = vec![0; n_a * n_b];
        for (&a, &b) in a.iter().zip(b) {
            rows[usize::from(a) * n_b + usize::from(b)] += 1;
        }
        Self { n_b, rows }
    }

    /// Sizes of the clusters of b.
    fn sizes_b(&self) -> Vec<u64> {
        let mut sizes = vec![0; self.n_b];
        for row in self.rows.chunks_exact(self.n_b.max(1)) {
            sizes.iter_mut().zip(row).for_each(|(size, rows)| *size += rows);
        }
        sizes
    }

    fn sizes_a(&self) -> impl Iterator<Item = u64> {
        self.rows.chunks_exact(self.n_b.max(1)).map(|row| row.iter().sum())
    }
}

fn n_clusters(labels: &[u16]) -> usize {
    labels.iter().max().map_or(0, |&largest| usize::from(largest) + 1)
}

/// The adjusted Rand index (Hubert and Arabie 1985) of two clusterings of the same rows: 1 where they are the same, 0 as
/// far as chance goes, negative below it. Two clusterings that part no pair differently, or of fewer than two rows,
/// agree fully.
pub fn adjusted_rand_index(a: &[u16], b: &[u16]) -> f64 {
    let shared = Shared::count(a, n_clusters(a), b, n_clusters(b));
    // Ordered pairs of rows: together in both, in a only, in b only, in neither.
    let square = |n: &u64| i128::from(*n) * i128::from(*n);
    let n = a.len() as i128;
    let both: i128 = shared.rows.iter().map(square).sum::<i128>() - n;
    let a_only = shared.sizes_a().map(|n| square(&n)).sum::<i128>() - n - both;
    let b_only = shared.sizes_b().iter().map(square).sum::<i128>() - n - both;
    let neither = n * n - n - both - a_only - b_only;
    if a_only == 0 && b_only == 0 {
        return 1.0;
    }
    let above = 2 * (both * neither - a_only * b_only);
    let below = (both + a_only) * (a_only + neither) + (both + b_only) * (b_only + neither);
    above as f64 / below as f64
}

/// For each cluster of `a`, the largest Jaccard index (rows in both over rows in either) that it has with a cluster of
/// `b`. A cluster without rows has 0.
pub fn jaccard(a: &[u16], n_a: usize, b: &[u16], n_b: usize) -> Vec<f64> {
    let shared = Shared::count(a, n_a, b, n_b);
    let sizes_b = shared.sizes_b();
    let rows = shared.rows.chunks_exact(n_b.max(1));
    let mut best: Vec<f64> = rows
        .zip(shared.sizes_a())
        .map(|(rows, size_a)| {
            let index = |(&both, &size_b): (&u64, &u64)| match size_a + size_b - both {
                0 => 0.0,
                either => both as f64 / either as f64,
            };
            rows.iter().zip(&sizes_b).map(index).fold(0.0, f64::max)
        })
        .collect();
    best.resize(n_a, 0.0);
    best
}
