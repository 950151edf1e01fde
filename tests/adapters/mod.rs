//! The adapters that tests run on, and the matrices and models they are tried with.

use segmint::engine::gpu::{AdapterInfo, adapters};
use segmint::grid::{COORDINATE_MAX, Centroids, Matrix, WIDE};

/// Names that `SEGMINT_REQUIRE_ADAPTERS` may demand, and what tells each adapter.
const KNOWN: [(&str, &str, &str); 3] =
    [("lavapipe", "llvmpipe", "Vulkan"), ("llvmpipe-gl", "llvmpipe", "Gl"), ("swiftshader", "SwiftShader", "Vulkan")];

/// Runs a test on each adapter. One that is missing is named, and is a failure where it is required.
pub fn on_every_adapter(test: impl Fn(&AdapterInfo)) {
    let found = adapters();
    let required = std::env::var("SEGMINT_REQUIRE_ADAPTERS").unwrap_or_default();
    for (name, part, backend) in KNOWN {
        if !found.iter().any(|a| a.device.name.contains(part) && a.device.backend == backend) {
            assert!(!required.split(',').any(|r| r == name), "adapter {name} is required and missing");
            eprintln!("skipped: no adapter {name}");
        }
    }
    for adapter in &found {
        eprintln!("adapter {}", adapter.title());
        test(adapter);
    }
}

/// SplitMix64: small, and the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// Within -size..=size.
    pub fn within(&mut self, size: i64) -> i64 {
        self.below(2 * size as u64 + 1) as i64 - size
    }
}

/// A matrix and models to try on it.
pub struct Case {
    pub name: String,
    pub matrix: Matrix,
    pub models: Vec<Centroids>,
}

impl Case {
    fn new(name: String, d: usize, rows: Vec<Vec<i64>>, weights: Option<Vec<u16>>, models: Vec<Vec<i64>>) -> Self {
        // Keys out of order, and some of them equal.
        let keys = (0..rows.len() as u64).map(|row| (row * 7919) % 1009 * (1 << 50)).collect();
        let models = models.into_iter().enumerate().map(|(m, values)| Centroids::new(m as u32, 0, d, values)).collect();
        Self { name, matrix: Matrix::from_rows(d, &rows, weights, keys), models }
    }

    /// Rows of this size, and models of these k that start on rows.
    fn rows(random: &mut Random, d: usize, n: usize, size: i64) -> Vec<Vec<i64>> {
        (0..n).map(|_| (0..d).map(|_| random.within(size)).collect()).collect()
    }

    fn on_rows(random: &mut Random, rows: &[Vec<i64>], k: usize) -> Vec<i64> {
        (0..k).flat_map(|_| rows[random.below(rows.len() as u64) as usize].clone()).collect()
    }

    /// Ordinary data on the whole grid.
    pub fn plain(d: usize, ks: &[usize], n: usize) -> Self {
        let mut random = Random::new((d * 31 + n) as u64);
        let rows = Self::rows(&mut random, d, n, WIDE - 1);
        let models = ks.iter().map(|&k| Self::on_rows(&mut random, &rows, k)).collect();
        Self::new(format!("plain, d = {d}, n = {n}, k = {ks:?}"), d, rows, None, models)
    }

    /// Few values, so that most rows tie, and centroids that stand twice.
    pub fn duplicates(d: usize, n: usize) -> Self {
        let mut random = Random::new(d as u64);
        let rows = Self::rows(&mut random, d, n, 1);
        let mut values = Self::on_rows(&mut random, &rows, 6);
        values.extend_from_within(..3 * d);
        let two = values[..d].repeat(2);
        Self::new(format!("duplicates, d = {d}"), d, rows, None, vec![values, two])
    }

    /// Weights over their whole range, zeros among them.
    pub fn weighted(d: usize, n: usize) -> Self {
        let mut random = Random::new(d as u64 + 7);
        let rows = Self::rows(&mut random, d, n, WIDE - 1);
        let weights = (0..n)
            .map(|_| {
                let any = random.below(65_536) as u16;
                random.pick(&[0, 1, u16::MAX, any])
            })
            .collect();
        let models = [5, 40, 700].map(|k| Self::on_rows(&mut random, &rows, k)).into();
        Self::new(format!("weighted, d = {d}"), d, rows, Some(weights), models)
    }

    /// Wide rows, wide centroids, and a third centroid far out.
    pub fn wide(d: usize, n: usize) -> Self {
        let mut random = Random::new(d as u64 + 11);
        let mut rows = Self::rows(&mut random, d, n, 1000);
        for (index, row) in rows.iter_mut().enumerate().filter(|(index, _)| index % 97 == 3) {
            row[index % d] = [WIDE, -WIDE, 1 << 30, -COORDINATE_MAX, COORDINATE_MAX][index % 5];
        }
        let near = Self::on_rows(&mut random, &rows[..3], 3);
        let far: Vec<i64> = (0..d).map(|_| random.within(COORDINATE_MAX)).collect();
        let edge: Vec<i64> = (0..d).map(|_| random.within(WIDE + 5) | WIDE).collect();
        let models = vec![[&near[..], &far].concat(), [&near[..], &edge, &far, &edge].concat()];
        Self::new(format!("wide, d = {d}"), d, rows, None, models)
    }

    /// Rows on, and one step beside, the plane half-way between two centroids.
    pub fn bisector(d: usize) -> Self {
        let mut random = Random::new(d as u64 + 13);
        let a: Vec<i64> = (0..d).map(|_| random.within(1 << 18) * 2).collect();
        let b: Vec<i64> = (0..d).map(|_| random.within(1 << 18) * 2).collect();
        let middle: Vec<i64> = a.iter().zip(&b).map(|(a, b)| (a + b) / 2).collect();
        let rows = (0..600)
            .map(|index| {
                let mut row = middle.clone();
                row[index % d] += index as i64 / 100 - 3;
                row
            })
            .collect();
        let c = a.iter().map(|v| v + 1).collect::<Vec<_>>();
        Self::new(format!("bisector, d = {d}"), d, rows, None, vec![[&a[..], &b].concat(), [&b[..], &a, &c].concat()])
    }

    /// Extremes of the grid in one cluster, so that sums are as large as they get.
    pub fn extreme(d: usize, n: usize, weight: Option<u16>) -> Self {
        let rows = (0..n).map(|_| vec![WIDE - 1; d]).chain((0..n).map(|_| vec![1 - WIDE; d])).collect();
        let models = vec![vec![0; d], [vec![WIDE - 1; d], vec![1 - WIDE; d]].concat()];
        Self::new(format!("extreme, d = {d}, weight {weight:?}"), d, rows, weight.map(|w| vec![w; 2 * n]), models)
    }

    /// Every row is a centroid.
    pub fn one_each(d: usize, n: usize) -> Self {
        let rows: Vec<Vec<i64>> = (0..n as i64).map(|row| (0..d as i64).map(|j| row * 17 - j).collect()).collect();
        let all = rows.concat();
        Self::new(format!("n = k = {n}, d = {d}"), d, rows, None, vec![all])
    }

    /// The shapes that have broken engines before, and the limits.
    pub fn chosen() -> Vec<Self> {
        vec![
            Self::plain(1, &[1, 2, 256, 257], 700),
            Self::plain(3, &[2, 3, 8], 1),
            Self::plain(10, &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 2049),
            Self::plain(3, &[1, 3, 4095, 4096], 300),
            Self::plain(512, &[1, 3, 9], 130),
            Self::plain(63, &[64, 65], 200),
            Self::plain(16, &[8, 240, 241], 500),
            Self::duplicates(3, 700),
            Self::duplicates(7, 300),
            Self::weighted(1, 500),
            Self::weighted(10, 3000),
            Self::wide(1, 300),
            Self::wide(3, 500),
            Self::wide(511, 70),
            Self::bisector(1),
            Self::bisector(10),
            Self::bisector(100),
            Self::extreme(10, 2500, None),
            Self::extreme(2, 2500, Some(u16::MAX)),
            Self::extreme(512, 70, Some(u16::MAX)),
            Self::one_each(4, 200),
            Self::one_each(1, 1),
        ]
    }

    /// A shape, a size of values and a mixture of the above, from a seed.
    pub fn random(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let most = random.pick(&[4, 12, 40]);
        let d = 1 + random.below(most) as usize;
        let n = 1 + random.below(1200) as usize;
        let size = random.pick(&[1, 30, 5000, WIDE - 1]);
        let mut rows = Self::rows(&mut random, d, n, size);
        if random.below(3) == 0 {
            let at = random.below(n as u64) as usize;
            rows[at][0] = random.within(COORDINATE_MAX);
        }
        let weights = (random.below(3) == 0).then(|| (0..n).map(|_| random.below(3) as u16 * 21_845).collect());
        let models = (0..1 + random.below(3))
            .map(|_| {
                let most = random.pick(&[3, 10, 80]);
                let k = 1 + random.below(most) as usize;
                let mut values = Self::on_rows(&mut random, &rows, k);
                for value in &mut values {
                    *value += random.within(1);
                }
                values
            })
            .collect();
        Self::new(format!("seed {seed}: d = {d}, n = {n}, size {size}"), d, rows, weights, models)
    }
}
