//! Mean distances of rows to clusters on the CPU: all pairs of rows, chunk against chunk.
//!
//! Rows are packed cluster after cluster in chunks that lie in one cluster each. Where every row is asked for, a pair is
//! measured once and counted for both of its rows; else, and where sums for every row and cluster would need too much
//! memory, each asked row is measured against all. Sums are integers, so it is the same to the last bit. Wide rows go
//! through integers one by one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::CpuEngine;
use super::pairs::{GROUP_ROWS, Pairs, Rows, TILE_ROWS, Tile, UNITS_PER_STEP, units};
use crate::engine::{Device, Groups, Neighbourhood, Neighbours, distance};
use crate::error::Result;
use crate::grid::Matrix;
use crate::observe::Observe;

/// Rows per chunk, a multiple of both [`GROUP_ROWS`] and [`TILE_ROWS`]: at ten features a chunk stays in the first-level
/// cache, at a hundred in the second.
const CHUNK_ROWS: usize = 384;

/// Sums per row and cluster that are kept at once, 8 bytes each.
const SUMS_MAX: usize = 1 << 25;

impl Neighbours for CpuEngine {
    fn device(&self) -> &Device {
        &self.device
    }

    fn neighbourhoods(&mut self, groups: &Groups, asked: &[usize], observe: &Observe) -> Result<Vec<Neighbourhood>> {
        let n_rows = groups.matrix().n_rows();
        let all = Packed::new(groups, (0..n_rows).map(|row| (row, row)));
        let is_whole = asked.len() == n_rows && asked.iter().enumerate().all(|(place, &row)| place == row);
        let some = (!is_whole).then(|| Packed::new(groups, asked.iter().copied().enumerate()));
        let work = Work {
            engine: self,
            groups,
            asked: some.as_ref().unwrap_or(&all),
            all: &all,
            observe,
            done: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            found: Mutex::new(vec![Neighbourhood::default(); asked.len()]),
        };
        if is_whole && n_rows.saturating_mul(groups.n_clusters()) <= SUMS_MAX {
            work.each_pair_once();
        } else {
            work.asked_against_all();
        }
        work.wide_rows();
        observe.check_stop()?;
        Ok(work.found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Rows of one cluster that stand together in [`Packed`].
#[derive(Debug)]
struct Chunk {
    cluster: usize,
    first_tile: usize,
    n_tiles: usize,
    n_rows: usize,
    /// Where its rows begin in `Packed::places`.
    first_place: usize,
}

/// Rows in tiles, cluster after cluster; the last tile of a chunk may be padded.
#[derive(Debug)]
struct Packed {
    n_features: usize,
    /// (tiles, d, TILE_ROWS)
    coordinates: Vec<[f64; TILE_ROWS]>,
    norms: Vec<[f64; TILE_ROWS]>,
    chunks: Vec<Chunk>,
    /// Where each row's result goes, and the row.
    places: Vec<(usize, usize)>,
    /// The same of the wide rows, which stand in no chunk.
    wide: Vec<(usize, usize)>,
}

impl Packed {
    /// Takes pairs of (place of the result, row).
    fn new(groups: &Groups, rows: impl Iterator<Item = (usize, usize)>) -> Self {
        let matrix = groups.matrix();
        let d = matrix.n_features();
        let mut clusters: Vec<Vec<(usize, usize)>> = vec![Vec::new(); groups.n_clusters()];
        let mut wide = Vec::new();
        for (place, row) in rows {
            if matrix.is_wide(row) {
                wide.push((place, row));
            } else {
                clusters[groups.label(row)].push((place, row));
            }
        }
        let mut packed = Self {
            n_features: d,
            coordinates: Vec::new(),
            norms: Vec::new(),
            chunks: Vec::new(),
            places: Vec::new(),
            wide,
        };
        let mut row = vec![0; d];
        for (cluster, places) in clusters.iter().enumerate() {
            for places in places.chunks(CHUNK_ROWS) {
                let n_tiles = places.len().div_ceil(TILE_ROWS);
                let first_tile = packed.norms.len();
                let first_place = packed.places.len();
                packed.chunks.push(Chunk { cluster, first_tile, n_tiles, n_rows: places.len(), first_place });
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
                }
            }
        }
        packed
    }

    fn tiles(&self, chunk: &Chunk) -> impl Iterator<Item = Tile<'_>> + Clone {
        let d = self.n_features;
        let coordinates = &self.coordinates[chunk.first_tile * d..(chunk.first_tile + chunk.n_tiles) * d];
        let norms = &self.norms[chunk.first_tile..chunk.first_tile + chunk.n_tiles];
        let n_rows = chunk.n_rows;
        coordinates.chunks_exact(d).zip(norms).enumerate().map(move |(index, (coordinates, norms))| Tile {
            coordinates,
            norms,
            n_rows: TILE_ROWS.min(n_rows - index * TILE_ROWS),
        })
    }
}

struct Work<'a> {
    engine: &'a CpuEngine,
    groups: &'a Groups<'a>,
    asked: &'a Packed,
    all: &'a Packed,
    observe: &'a Observe,
    /// Pairs measured.
    done: AtomicU64,
    stopped: AtomicBool,
    found: Mutex<Vec<Neighbourhood>>,
}

/// Distances of a chunk's rows, in units: cluster after cluster, one slot per row and padding.
struct Sums {
    n_groups: usize,
    groups: Vec<[u64; GROUP_ROWS]>,
}

impl Sums {
    fn zero(n_clusters: usize, n_groups: usize) -> Self {
        Self { n_groups, groups: vec![[0; GROUP_ROWS]; n_clusters * n_groups] }
    }

    fn of(&mut self, cluster: usize) -> &mut [[u64; GROUP_ROWS]] {
        &mut self.groups[cluster * self.n_groups..(cluster + 1) * self.n_groups]
    }

    fn add(&mut self, other: &Sums) {
        for (total, sum) in self.groups.as_flattened_mut().iter_mut().zip(other.groups.as_flattened()) {
            *total += sum;
        }
    }

    fn row(&self, row: usize) -> impl Iterator<Item = u64> {
        self.groups.as_flattened().iter().skip(row).step_by(self.n_groups * GROUP_ROWS).copied()
    }
}

impl Work<'_> {
    fn zero(&self, chunk: &Chunk) -> Sums {
        Sums::zero(self.groups.n_clusters(), chunk.n_rows.div_ceil(GROUP_ROWS))
    }

    /// Each pair of rows once, chunk against this chunk and all later ones.
    fn each_pair_once(&self) {
        let chunks = &self.all.chunks;
        let totals: Vec<Mutex<Sums>> = chunks.iter().map(|chunk| Mutex::new(self.zero(chunk))).collect();
        self.engine.pool.for_each(chunks.len(), &|_, number| {
            let chunk = &chunks[number];
            let mut rows = Rows::default();
            rows.fill(self.all.n_features, self.all.tiles(chunk));
            let mut sums = self.zero(chunk);
            let mut tile_sums = Vec::new();
            for (other, total) in chunks.iter().zip(&totals).skip(number) {
                tile_sums.clear();
                // Within one chunk each pair comes up twice by itself.
                if !std::ptr::eq(other, chunk) {
                    tile_sums.resize(other.n_tiles, [0; TILE_ROWS]);
                }
                let row_sums = sums.of(other.cluster);
                let tiles = self.all.tiles(other);
                self.engine.level.run(Pairs { rows: &rows, tiles, row_sums, tile_sums: &mut tile_sums });
                if !tile_sums.is_empty() {
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    let total = total.of(chunk.cluster).as_flattened_mut();
                    total.iter_mut().zip(tile_sums.as_flattened()).for_each(|(total, sum)| *total += sum);
                }
                if self.is_stopped(chunk.n_rows * other.n_rows) {
                    return;
                }
            }
            totals[number].lock().unwrap_or_else(PoisonError::into_inner).add(&sums);
        });
        self.engine.pool.for_each(chunks.len(), &|_, number| {
            self.finish(&chunks[number], &totals[number].lock().unwrap_or_else(PoisonError::into_inner));
        });
    }

    /// The asked rows, chunk by chunk, each against all rows.
    fn asked_against_all(&self) {
        self.engine.pool.for_each(self.asked.chunks.len(), &|_, number| {
            let chunk = &self.asked.chunks[number];
            let mut rows = Rows::default();
            rows.fill(self.asked.n_features, self.asked.tiles(chunk));
            let mut sums = self.zero(chunk);
            for other in &self.all.chunks {
                let row_sums = sums.of(other.cluster);
                let tiles = self.all.tiles(other);
                self.engine.level.run(Pairs { rows: &rows, tiles, row_sums, tile_sums: &mut [] });
                if self.is_stopped(chunk.n_rows * other.n_rows) {
                    return;
                }
            }
            self.finish(chunk, &sums);
        });
    }

    /// Counts pairs, and asks whether the run was stopped meanwhile.
    fn is_stopped(&self, pairs: usize) -> bool {
        self.done.fetch_add(pairs as u64, Ordering::Relaxed);
        if self.observe.check_stop().is_err() {
            self.stopped.store(true, Ordering::Relaxed);
        }
        self.stopped.load(Ordering::Relaxed)
    }

    /// The results of a chunk, from its sums over all narrow rows.
    fn finish(&self, chunk: &Chunk, sums: &Sums) {
        let matrix = self.groups.matrix();
        let mut coordinates = vec![0; matrix.n_features()];
        let mut totals = vec![0u128; self.groups.n_clusters()];
        let places = &self.asked.places[chunk.first_place..chunk.first_place + chunk.n_rows];
        let mut found = Vec::with_capacity(places.len());
        for (index, &(place, row)) in places.iter().enumerate() {
            totals.iter_mut().zip(sums.row(index)).for_each(|(total, sum)| *total = u128::from(sum));
            matrix.row(row, &mut coordinates);
            for (&other, other_coordinates) in matrix.wide().rows.iter().zip(wide_coordinates(matrix)) {
                totals[self.groups.label(other as usize)] += units(distance(&coordinates, other_coordinates));
            }
            found.push((place, self.neighbourhood(row, &totals)));
        }
        self.keep(&found);
    }

    fn wide_rows(&self) {
        let matrix = self.groups.matrix();
        self.engine.pool.for_each(self.asked.wide.len(), &|_, index| {
            if self.is_stopped(matrix.n_rows()) {
                return;
            }
            let (place, row) = self.asked.wide[index];
            let (mut coordinates, mut other) = (vec![0; matrix.n_features()], vec![0; matrix.n_features()]);
            matrix.row(row, &mut coordinates);
            let mut totals = vec![0u128; self.groups.n_clusters()];
            for number in 0..matrix.n_rows() {
                matrix.row(number, &mut other);
                totals[self.groups.label(number)] += units(distance(&coordinates, &other));
            }
            self.keep(&[(place, self.neighbourhood(row, &totals))]);
        });
    }

    /// Mean distances of a row, from its sums to all clusters.
    fn neighbourhood(&self, row: usize, totals: &[u128]) -> Neighbourhood {
        let own = self.groups.label(row);
        let mean = |total: u128, rows: usize| total as f64 / rows as f64 / UNITS_PER_STEP;
        let others = (0..totals.len()).filter(|&cluster| cluster != own && self.groups.size(cluster) > 0);
        Neighbourhood {
            own: (self.groups.size(own) > 1).then(|| mean(totals[own], self.groups.size(own) - 1)),
            other: others.map(|cluster| mean(totals[cluster], self.groups.size(cluster))).reduce(f64::min),
        }
    }

    fn keep(&self, found: &[(usize, Neighbourhood)]) {
        let mut all = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.iter().for_each(|&(place, neighbourhood)| all[place] = neighbourhood);
    }
}

fn wide_coordinates(matrix: &Matrix) -> impl Iterator<Item = &[i64]> {
    matrix.wide().coordinates.chunks_exact(matrix.n_features())
}
