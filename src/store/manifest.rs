//! What a published run vouches for: its files with sizes and hashes, the settings that affect the result, the input.
//! Nothing in it differs between machines, so two runs with equal manifests are the same run.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};
use crate::grid::Matrix;

/// Written last: a folder without it is no run.
pub const MANIFEST: &str = "manifest.json";

/// What differs between machines and nights; beside the manifest, not under it.
pub const RUN_RECORD: &str = "run.json";

/// Written by some runs, and like the run record not under the manifest.
const METRICS: &str = "metrics.prom";

/// How a manifest of ours introduces itself.
const KIND: &str = "segmint run";
const VERSION: u32 = 1;

/// A manifest holds settings of at most 512 features and a handful of file names.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub kind: String,
    pub version: u32,
    /// The version of segmint that wrote it.
    pub segmint: String,
    /// The settings that affect the result.
    pub settings: Value,
    /// What was clustered: see [`input_hash`].
    pub input: Value,
    pub files: Vec<FileEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub name: String,
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
}

impl Manifest {
    pub(super) fn new(settings: Value, input: Value, files: Vec<FileEntry>) -> Self {
        let segmint = env!("CARGO_PKG_VERSION").to_owned();
        Self { kind: KIND.to_owned(), version: VERSION, segmint, settings, input, files }
    }

    /// The manifest of a folder; `None` where there is none, or one that is not ours.
    pub fn read(folder: &Path) -> Option<Manifest> {
        let manifest: Manifest = serde_json::from_slice(&read_small(&folder.join(MANIFEST))?).ok()?;
        (manifest.kind == KIND && manifest.version == VERSION).then_some(manifest)
    }

    /// Names in `folder` that this run did not write, sorted.
    pub(super) fn strangers(&self, folder: &Path) -> Result<Vec<String>> {
        let mut strangers = Vec::new();
        let entries = fs::read_dir(folder).map_err(|error| Error::io("list", folder.display(), error))?;
        for entry in entries {
            let name = entry.map_err(|error| Error::io("list", folder.display(), error))?.file_name();
            let name = name.to_string_lossy().into_owned();
            let ours = [MANIFEST, RUN_RECORD, METRICS].contains(&name.as_str());
            if !ours && !self.files.iter().any(|file| file.name == name) {
                strangers.push(name);
            }
        }
        strangers.sort();
        Ok(strangers)
    }

    /// Whether every listed file stands in `folder` with its size.
    pub(super) fn is_whole(&self, folder: &Path) -> bool {
        self.files.iter().all(|file| {
            folder.join(&file.name).symlink_metadata().is_ok_and(|found| found.is_file() && found.len() == file.bytes)
        })
    }

    /// Recomputes the hash of every listed file; the names of those that differ or are missing.
    pub fn damaged(&self, folder: &Path) -> Result<Vec<String>> {
        let mut damaged = Vec::new();
        for entry in &self.files {
            let mut hash = Sha256::new();
            let whole = fs::File::open(folder.join(&entry.name))
                .and_then(|mut file| std::io::copy(&mut file, &mut hash))
                .is_ok_and(|bytes| bytes == entry.bytes);
            if !whole || hex(&hash.finalize()) != entry.sha256 {
                damaged.push(entry.name.clone());
            }
        }
        Ok(damaged)
    }
}

/// A run record as plain JSON, where there is a readable one.
pub(super) fn read_record(folder: &Path) -> Option<Value> {
    serde_json::from_slice(&read_small(&folder.join(RUN_RECORD))?).ok()
}

fn read_small(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(MANIFEST_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The fingerprint of what was clustered: xxh3-128 over order keys, grid values and weights in row order. It does not
/// see how the rows were laid out in files, so that the same customers give the same manifest from any layout.
pub fn input_hash(matrix: &Matrix) -> String {
    /// Values whose bytes are made at a time.
    const BLOCK: usize = 1 << 12;
    fn feed<T: Copy, const N: usize>(hash: &mut xxhash_rust::xxh3::Xxh3, values: &[T], bytes: impl Fn(T) -> [u8; N]) {
        let mut buffer = Vec::with_capacity(BLOCK);
        for block in values.chunks(BLOCK) {
            buffer.clear();
            buffer.extend(block.iter().map(|&value| bytes(value)));
            hash.update(buffer.as_flattened());
        }
    }
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    feed(&mut hash, &[matrix.n_rows() as u64, matrix.n_features() as u64], u64::to_le_bytes);
    feed(&mut hash, matrix.keys(), u64::to_le_bytes);
    matrix.each_stretch(|panels| feed(&mut hash, panels, f32::to_le_bytes));
    feed(&mut hash, &matrix.wide().rows, u64::to_le_bytes);
    feed(&mut hash, &matrix.wide().coordinates, i64::to_le_bytes);
    feed(&mut hash, matrix.weights().unwrap_or_default(), u16::to_le_bytes);
    format!("{:032x}", hash.digest128())
}

/// The hash of a text that belongs to the settings, in hexadecimal.
pub fn text_hash(text: &str) -> String {
    hex(&Sha256::digest(text))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A refusal that names what stands in the way.
pub(super) fn refuse(folder: &Path, why: impl std::fmt::Display) -> Error {
    Error::new(Kind::Output, format!("{} {why}", folder.display()))
}
