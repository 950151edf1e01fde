//! Rows as the silhouette's kernel takes them: f64 in tiles of six, cell after cell, in chunks that lie in one cell each;
//! and the wide rows, which stand in no tile and are measured one by one.

use super::pairs::{GROUP_ROWS, TILE_ROWS, Tile};
use crate::engine::groups::units_of_exact;
use crate::engine::{Groups, distance, units};
use crate::grid::WIDE;

/// Rows per chunk, a multiple of both [`GROUP_ROWS`] and [`TILE_ROWS`]: at ten features a chunk stays in the first-level
/// cache, at a hundred in the second.
const CHUNK_ROWS: usize = 384;

const _: () = assert!(CHUNK_ROWS.is_multiple_of(GROUP_ROWS) && CHUNK_ROWS.is_multiple_of(TILE_ROWS));

/// Integers below this are exact in f64.
const EXACT_MAX: f64 = (1u64 << 53) as f64;

/// Rows of one cell that stand together in [`Packed`].
#[derive(Debug)]
pub(super) struct Chunk {
    pub cell: usize,
    pub n_rows: usize,
    pub n_tiles: usize,
    first_tile: usize,
    /// Where its rows begin in `Packed::places`.
    first_place: usize,
}

/// Rows in tiles, cell after cell; the last tile of a chunk may be padded.
#[derive(Debug)]
pub(super) struct Packed {
    pub n_features: usize,
    pub chunks: Vec<Chunk>,
    /// (tiles, d, TILE_ROWS)
    coordinates: Vec<[f64; TILE_ROWS]>,
    /// |y|², (tiles, TILE_ROWS)
    norms: Vec<[f64; TILE_ROWS]>,
    /// |y| in units, (tiles, TILE_ROWS)
    reaches: Vec<[u64; TILE_ROWS]>,
    /// Where each row's result goes, and the row.
    places: Vec<(usize, usize)>,
    /// The same of the wide rows, which stand in no chunk.
    pub wide: Vec<(usize, usize)>,
}

impl Packed {
    /// Takes pairs of (place of the result, row).
    pub fn new(groups: &Groups, rows: impl Iterator<Item = (usize, usize)>) -> Self {
        let matrix = groups.matrix();
        let d = matrix.n_features();
        let mut cells: Vec<Vec<(usize, usize)>> = vec![Vec::new(); groups.cells().len()];
        let mut wide = Vec::new();
        for (place, row) in rows {
            if matrix.is_wide(row) {
                wide.push((place, row));
            } else {
                cells[groups.cell_of(row)].push((place, row));
            }
        }
        let mut packed = Self {
            n_features: d,
            chunks: Vec::new(),
            coordinates: Vec::new(),
            norms: Vec::new(),
            reaches: Vec::new(),
            places: Vec::new(),
            wide,
        };
        let mut row = vec![0; d];
        for (cell, places) in cells.iter().enumerate() {
            for places in places.chunks(CHUNK_ROWS) {
                packed.chunks.push(Chunk {
                    cell,
                    n_rows: places.len(),
                    n_tiles: places.len().div_ceil(TILE_ROWS),
                    first_tile: packed.norms.len(),
                    first_place: packed.places.len(),
                });
                packed.places.extend_from_slice(places);
                for places in places.chunks(TILE_ROWS) {
                    let first = packed.coordinates.len();
                    packed.coordinates.resize(first + d, [0.0; TILE_ROWS]);
                    let mut norms = [0.0; TILE_ROWS];
                    for (slot, &(_, number)) in places.iter().enumerate() {
                        matrix.row(number, &mut row);
                        for (to, &q) in packed.coordinates[first..].iter_mut().zip(&row) {
                            to[slot] = q as f64;
                        }
                        norms[slot] = row.iter().map(|&q| q * q).sum::<i64>() as f64;
                    }
                    packed.norms.push(norms);
                    // Narrow rows: below 2^38.
                    packed.reaches.push(norms.map(|norm| units_of_exact(norm) as u64));
                }
            }
        }
        packed
    }

    pub fn n_rows(&self) -> u64 {
        self.places.len() as u64
    }

    /// Rows with a result, wide ones included.
    pub fn n_results(&self) -> usize {
        self.places.len() + self.wide.len()
    }

    /// Pairs where each is measured once, but twice within a chunk.
    pub fn pairs_once(&self) -> u64 {
        let squares: u64 = self.chunks.iter().map(|chunk| (chunk.n_rows as u64).pow(2)).sum();
        (self.n_rows().pow(2) + squares) / 2
    }

    pub fn rows(&self, chunk: &Chunk) -> &[(usize, usize)] {
        &self.places[chunk.first_place..chunk.first_place + chunk.n_rows]
    }

    pub fn tiles(&self, chunk: &Chunk) -> impl Iterator<Item = Tile<'_>> + Clone {
        let d = self.n_features;
        let coordinates = &self.coordinates[chunk.first_tile * d..(chunk.first_tile + chunk.n_tiles) * d];
        let norms = &self.norms[chunk.first_tile..chunk.first_tile + chunk.n_tiles];
        let reaches = &self.reaches[chunk.first_tile..chunk.first_tile + chunk.n_tiles];
        let n_rows = chunk.n_rows;
        let tiles = coordinates.chunks_exact(d).zip(norms).zip(reaches).enumerate();
        tiles.map(move |(index, ((coordinates, norms), reaches))| Tile {
            coordinates,
            norms,
            reaches,
            n_rows: TILE_ROWS.min(n_rows - index * TILE_ROWS),
        })
    }
}

/// A wide row, ready to be measured against tiles.
#[derive(Debug)]
pub(super) struct Far<'a> {
    pub row: usize,
    pub coordinates: &'a [i64],
    /// The slots of its cell.
    pub slots: &'a [usize],
    /// The coordinates as f64, where squared distances to narrow rows are exact in it.
    floats: Option<Vec<f64>>,
}

impl<'a> Far<'a> {
    /// All wide rows.
    pub fn all(groups: &'a Groups) -> Vec<Self> {
        let wide = groups.matrix().wide();
        let rows = wide.rows.iter().zip(wide.coordinates.chunks_exact(groups.matrix().n_features()));
        rows.map(|(&row, coordinates)| {
            let reach = coordinates.iter().map(|q| q.abs()).max().unwrap_or(0) as f64 + WIDE as f64;
            let is_exact = reach * reach * (coordinates.len() as f64) < EXACT_MAX;
            let floats = is_exact.then(|| coordinates.iter().map(|&q| q as f64).collect());
            let slots = &groups.cells()[groups.cell_of(row as usize)].slots;
            Self { row: row as usize, coordinates, slots, floats }
        })
        .collect()
    }

    /// Hands over (row within the chunk, distance in units) for each row of a chunk.
    pub fn visit(&self, packed: &Packed, chunk: &Chunk, groups: &Groups, mut each: impl FnMut(usize, u128)) {
        let Some(floats) = &self.floats else {
            let mut other = vec![0; packed.n_features];
            for (index, &(_, row)) in packed.rows(chunk).iter().enumerate() {
                groups.matrix().row(row, &mut other);
                each(index, units(distance(self.coordinates, &other)));
            }
            return;
        };
        for (number, tile) in packed.tiles(chunk).enumerate() {
            let mut squares = [0f64; TILE_ROWS];
            for (lanes, &own) in tile.coordinates.iter().zip(floats) {
                for lane in 0..TILE_ROWS {
                    let difference = lanes[lane] - own;
                    // Integers below 2^53, in every order.
                    squares[lane] += difference * difference;
                }
            }
            for (lane, &square) in squares.iter().take(tile.n_rows).enumerate() {
                each(number * TILE_ROWS + lane, units_of_exact(square));
            }
        }
    }
}
