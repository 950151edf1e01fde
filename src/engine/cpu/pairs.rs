//! Distances of all pairs between two sets of rows, added up per row: the inner loop of the silhouette.
//!
//! The squared distance is |x|² + |y|² - 2 x·y of integers below 2^53, so f64 holds it exactly in any order, fused or not.
//! It is rounded once to f32, its IEEE square root is taken in f32, and that is rounded once to a whole number of
//! [units](crate::engine::units) and added as an integer. All of this is defined by the distance alone, so no instruction
//! set, no order and no tiling can change a bit of a sum.

use super::double::Double;
use super::simd::Kernel;
use super::vector::Vector;

/// Adding this leaves a value below 2^38 steps as a whole number of units in the lowest bits of the sum:
/// the last bit of an f64 of this size is 2^-12.
pub(super) const TO_UNITS: f64 = 1.5 * (1u64 << 40) as f64;

/// Rows of the second set that the kernel handles together: with eight rows of the first they fill twelve of AVX2's
/// sixteen registers.
pub(super) const TILE_ROWS: usize = 6;

/// Rows of the first set that a group holds at any level: the least common multiple of what the levels take at once.
pub(super) const GROUP_ROWS: usize = 16;

/// Up to [`TILE_ROWS`] rows, feature after feature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile<'a> {
    /// (d, TILE_ROWS): coordinates; what pads the last tile is zero.
    pub coordinates: &'a [[f64; TILE_ROWS]],
    /// |y|² of each.
    pub norms: &'a [f64; TILE_ROWS],
    /// |y| of each, in units: what a row of zeros, which pads a group, adds to its sum.
    pub reaches: &'a [u64; TILE_ROWS],
    pub n_rows: usize,
}

/// Rows in groups of [`GROUP_ROWS`], feature after feature, made ready to be compared with many tiles.
#[derive(Debug, Default)]
pub(super) struct Rows {
    n_features: usize,
    n_rows: usize,
    /// (groups, d, GROUP_ROWS): -2x.
    coordinates: Vec<[f64; GROUP_ROWS]>,
    /// (groups): |x|². What pads the last group is zero, here and there.
    norms: Vec<[f64; GROUP_ROWS]>,
}

impl Rows {
    /// Takes the rows of some tiles instead of what was there.
    pub fn fill<'a>(&mut self, n_features: usize, tiles: impl Iterator<Item = Tile<'a>> + Clone) {
        self.n_features = n_features;
        self.n_rows = tiles.clone().map(|tile| tile.n_rows).sum();
        let groups = self.n_rows.div_ceil(GROUP_ROWS);
        self.coordinates.clear();
        self.coordinates.resize(groups * n_features, [0.0; GROUP_ROWS]);
        self.norms.clear();
        self.norms.resize(groups, [0.0; GROUP_ROWS]);
        let rows = tiles.flat_map(|tile| (0..tile.n_rows).map(move |row| (tile, row)));
        for (index, (tile, row)) in rows.enumerate() {
            let (group, lane) = (index / GROUP_ROWS, index % GROUP_ROWS);
            for (to, from) in self.coordinates[group * n_features..].iter_mut().zip(tile.coordinates) {
                to[lane] = -2.0 * from[row];
            }
            self.norms[group][lane] = tile.norms[row];
        }
    }
}

/// Adds the distances between `rows` and the tiles' rows, in units: to `row_sums` per row, one slot per row and one
/// without meaning per padding; to `tile_sums` per row of the tiles, [`TILE_ROWS`] slots per tile, where it is not empty.
pub(super) struct Pairs<'a, I> {
    pub rows: &'a Rows,
    pub tiles: I,
    pub row_sums: &'a mut [[u64; GROUP_ROWS]],
    pub tile_sums: &'a mut [[u64; TILE_ROWS]],
}

impl<'t, I: Iterator<Item = Tile<'t>>> Kernel for Pairs<'_, I> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Pairs { rows, tiles, row_sums, tile_sums } = self;
        for (index, tile) in tiles.enumerate() {
            let mut sums = [0; TILE_ROWS];
            match tile.n_rows {
                1 => add_tile::<V::Double, 1>(rows, tile, row_sums, &mut sums),
                2 => add_tile::<V::Double, 2>(rows, tile, row_sums, &mut sums),
                3 => add_tile::<V::Double, 3>(rows, tile, row_sums, &mut sums),
                4 => add_tile::<V::Double, 4>(rows, tile, row_sums, &mut sums),
                5 => add_tile::<V::Double, 5>(rows, tile, row_sums, &mut sums),
                _ => add_tile::<V::Double, TILE_ROWS>(rows, tile, row_sums, &mut sums),
            }
            if let Some(total) = tile_sums.get_mut(index) {
                for row in 0..TILE_ROWS {
                    total[row] += sums[row];
                }
            }
        }
    }
}

#[inline(always)]
fn add_tile<D: Double, const J: usize>(
    rows: &Rows,
    tile: Tile,
    row_sums: &mut [[u64; GROUP_ROWS]],
    tile_sums: &mut [u64; TILE_ROWS],
) {
    // Of bits that hold TO_UNITS as well; it is taken off at the end. All sums wrap around.
    let mut totals = [D::splat_units(0); J];
    let shifts = D::splat_units(TO_UNITS.to_bits().wrapping_mul(J as u64).wrapping_neg());
    let groups = rows.coordinates.chunks_exact(rows.n_features).zip(&rows.norms).zip(row_sums);
    for ((columns, norms), sums) in groups {
        for first in (0..GROUP_ROWS).step_by(2 * D::LANES) {
            let second = first + D::LANES;
            let mut squares = [[D::splat(0.0); 2]; J];
            let norms = [D::load(norms, first), D::load(norms, second)];
            for j in 0..J {
                let norm = D::splat(tile.norms[j]);
                squares[j] = [norms[0].add(norm), norms[1].add(norm)];
            }
            for (column, coordinates) in columns.iter().zip(tile.coordinates) {
                let column = [D::load(column, first), D::load(column, second)];
                for j in 0..J {
                    let coordinate = D::splat(coordinates[j]);
                    squares[j][0] = column[0].multiply_add(coordinate, squares[j][0]);
                    squares[j][1] = column[1].multiply_add(coordinate, squares[j][1]);
                }
            }
            let mut own = [D::load_units(sums, first), D::load_units(sums, second)];
            for j in 0..J {
                let bits = D::shifted_roots(squares[j]);
                own = [D::add_units(own[0], bits[0]), D::add_units(own[1], bits[1])];
                totals[j] = D::add_units(totals[j], D::add_units(bits[0], bits[1]));
            }
            own = [D::add_units(own[0], shifts), D::add_units(own[1], shifts)];
            D::store_units(own[0], sums, first);
            D::store_units(own[1], sums, second);
        }
    }
    let lanes = (rows.norms.len() * GROUP_ROWS) as u64;
    let padding = lanes - rows.n_rows as u64;
    for j in 0..J {
        let shifts = TO_UNITS.to_bits().wrapping_mul(lanes);
        tile_sums[j] = D::sum_units(totals[j]).wrapping_sub(shifts).wrapping_sub(padding * tile.reaches[j]);
    }
}
