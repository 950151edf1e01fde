//! Writes panels to a spill file: once from front to end, and once more in their place for who has to see all values before
//! any is final. Everything goes through plain writes in pieces of several blocks, never through a mapping.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use super::Place;
use super::format::{self, BLOCK_BYTES, BLOCK_VALUES, HEADER_BYTES, Shape};
use super::spilled::Spilled;
use crate::error::{Error, Result};

/// Values that are written, or read to be written again, at a time: four mebibytes.
const PIECE_VALUES: usize = 2 * BLOCK_VALUES;

/// A disk is not filled to the last byte: others use it too.
const SPARE_BYTES: u64 = 64 << 20;

/// A spill file on its way.
#[derive(Debug)]
pub struct Writer {
    place: Place,
    shape: Shape,
    file: File,
    /// Of the blocks that are written.
    index: Vec<u64>,
    /// Values behind those blocks.
    waiting: Vec<f32>,
    /// A test's disk is full after so many bytes.
    #[cfg(test)]
    full_at: Option<u64>,
}

impl Writer {
    /// An empty file with room for so many panels of 64 rows.
    pub fn create(place: &Place, n_features: usize, n_panels: usize) -> Result<Self> {
        let shape = Shape { n_features, n_panels };
        if shape.values() == 0 {
            return Err(Error::bug("a spill file without values"));
        }
        check_room(place, shape.file_bytes())?;
        let file = tempfile::tempfile_in(&place.folder).map_err(|error| place.error("create", error))?;
        reserve(&file, shape.file_bytes()).map_err(|error| full(place, shape.file_bytes(), error))?;
        Ok(Self {
            place: place.clone(),
            shape,
            file,
            index: Vec::with_capacity(shape.blocks()),
            waiting: Vec::new(),
            #[cfg(test)]
            full_at: None,
        })
    }

    /// Appends values; the panels need not be whole.
    pub fn append(&mut self, mut values: &[f32]) -> Result<()> {
        if (self.index.len() * BLOCK_VALUES + self.waiting.len() + values.len()) > self.shape.values() {
            return Err(Error::bug("more panels than a spill file was made for"));
        }
        while !values.is_empty() {
            let taken = values.len().min(PIECE_VALUES - self.waiting.len());
            let (now, later) = values.split_at(taken);
            self.waiting.extend_from_slice(now);
            values = later;
            if self.waiting.len() == PIECE_VALUES {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Hands on all values in the order in which they were appended, so many panels at a time, each with the number of its
    /// first, and writes what becomes of them in their place.
    pub fn rewrite(
        mut self,
        panels_at_a_time: usize,
        each: &mut dyn FnMut(usize, &mut [f32]) -> Result<()>,
    ) -> Result<Self> {
        self.flush()?;
        let before = std::mem::take(&mut self.index);
        let step = panels_at_a_time.max(1) * self.shape.panel_values();
        let mut read = Vec::new();
        let mut next_panel = 0;
        for (number, blocks) in before.chunks(PIECE_VALUES / BLOCK_VALUES).enumerate() {
            let first = number * PIECE_VALUES;
            let from = read.len();
            read.resize(from + PIECE_VALUES.min(self.shape.values() - first), 0.0f32);
            let piece = &mut read[from..];
            self.get(first, piece).map_err(|error| self.place.error("read", error))?;
            if piece.chunks(BLOCK_VALUES).zip(blocks).any(|(values, &hash)| format::hash(values) != hash) {
                return Err(self.place.damaged("a block does not have its checksum"));
            }
            // What is behind the last whole step waits for the next piece; nothing follows the last piece.
            let is_last = first + PIECE_VALUES >= self.shape.values();
            let whole = if is_last { read.len() } else { read.len() / step * step };
            for values in read[..whole].chunks_mut(step) {
                each(next_panel, values)?;
                next_panel += values.len() / self.shape.panel_values();
            }
            // Never ahead of what was read: no more is written than was handed on.
            self.append(&read[..whole])?;
            read.drain(..whole);
        }
        Ok(self)
    }

    /// The whole file, mapped for reading. As many values were appended as there is room for.
    pub fn finish(mut self) -> Result<Arc<Spilled>> {
        self.flush()?;
        if self.index.len() != self.shape.blocks() {
            return Err(Error::bug("fewer panels than a spill file was made for"));
        }
        let (index, index_hash) = format::index_bytes(&self.index);
        let header = format::header(self.shape, index_hash);
        self.put(self.shape.index_at(), &index).map_err(|error| self.failed(error))?;
        self.put(0, &header).map_err(|error| self.failed(error))?;
        Ok(Arc::new(Spilled::open(self.file, self.shape, self.place)?))
    }

    /// Writes what waits. Only at the end it is no whole number of blocks.
    fn flush(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let at = HEADER_BYTES + self.index.len() * BLOCK_BYTES;
        self.index.extend(waiting.chunks(BLOCK_VALUES).map(format::hash));
        self.put(at as u64, bytemuck::cast_slice(&waiting)).map_err(|error| self.failed(error))?;
        self.waiting = waiting;
        self.waiting.clear();
        Ok(())
    }

    fn failed(&self, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                full(&self.place, self.shape.file_bytes(), error)
            }
            _ => self.place.error("write", error),
        }
    }

    fn put(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if self.full_at.is_some_and(|room| at + bytes.len() as u64 > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(bytes)
    }

    /// Reads values that were written, from value `first` on.
    fn get(&mut self, first: usize, values: &mut [f32]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start((HEADER_BYTES + first * size_of::<f32>()) as u64))?;
        self.file.read_exact(bytemuck::cast_slice_mut(values))
    }
}

/// Whether the disk says that it has room.
fn check_room(place: &Place, bytes: u64) -> Result<()> {
    match free(&place.folder).map_err(|error| place.error("make room for", error))? {
        Some(free) if free < bytes.saturating_add(SPARE_BYTES) => Err(no_room(place, bytes, Some(free))),
        _ => Ok(()),
    }
}

fn full(place: &Place, bytes: u64, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            no_room(place, bytes, None).because(error)
        }
        _ => place.error("make room for", error),
    }
}

fn no_room(place: &Place, bytes: u64, free: Option<u64>) -> Error {
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let has = free.map_or("no room for that".to_owned(), |free| format!("{} MiB free", free >> 20));
    let message =
        format!("the spill file takes {} MiB, and the disk of {} has {has}", mebibytes(bytes), place.folder.display());
    Error::new(crate::error::Kind::Io, message)
        .hint("make room there, name another folder with --spill, or raise `memory` so that no file is needed")
}

/// Bytes that a disk has free for us, where the system tells.
#[cfg(unix)]
fn free(folder: &Path) -> io::Result<Option<u64>> {
    let found = rustix::fs::statvfs(folder)?;
    Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
}

#[cfg(not(unix))]
fn free(_: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}

/// Takes the room on the disk, where the file system can; where it cannot, a write finds out.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS | rustix::io::Errno::INVAL) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn reserve(_: &File, _: u64) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::grid::PanelFile;

    const D: usize = 3;
    const PANEL: usize = D * 64;

    fn place(folder: &Path) -> Place {
        Place { folder: folder.to_path_buf(), window: 1 << 20 }
    }

    fn values(n_panels: usize) -> Vec<f32> {
        (0..n_panels * PANEL).map(|at| (at % 65_521) as f32).collect()
    }

    fn names(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_is_appended_in_any_pieces_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        // Below a block, a block and a value, several pieces.
        for n_panels in [1, BLOCK_VALUES / PANEL + 1, 2 * PIECE_VALUES / PANEL + 7] {
            let all = values(n_panels);
            for piece in [997, BLOCK_VALUES, PIECE_VALUES + 1, all.len()] {
                let mut writer = Writer::create(&place(folder.path()), D, n_panels).unwrap();
                all.chunks(piece).for_each(|values| writer.append(values).unwrap());
                assert_eq!(names(folder.path()), 0, "the file has a name");
                let spilled = writer.finish().unwrap();
                assert!(spilled.visit(0..all.len()));
                assert!(spilled.values() == all, "{n_panels} panels in pieces of {piece}");
                spilled.check().unwrap();
            }
        }
    }

    #[test]
    fn values_are_changed_in_their_place_panel_by_panel() {
        let folder = tempfile::tempdir().unwrap();
        for n_panels in [1, 5, PIECE_VALUES / PANEL, 3 * PIECE_VALUES / PANEL + 11] {
            let all = values(n_panels);
            for step in [1, 7, 4096, 1 << 20] {
                let mut writer = Writer::create(&place(folder.path()), D, n_panels).unwrap();
                writer.append(&all).unwrap();
                let mut next = 0;
                let writer = writer.rewrite(step, &mut |first, panels| {
                    assert_eq!(first, next);
                    assert!(panels.len().is_multiple_of(PANEL) && panels.len() <= step * PANEL);
                    next += panels.len() / PANEL;
                    panels.iter_mut().for_each(|value| *value = 1.0 - *value);
                    Ok(())
                });
                assert_eq!(next, n_panels);
                let spilled = writer.unwrap().finish().unwrap();
                assert!(spilled.visit(0..all.len()));
                assert!(spilled.values().iter().zip(&all).all(|(new, old)| *new == 1.0 - old), "{n_panels} by {step}");
            }
        }
    }

    #[test]
    fn a_file_that_the_disk_has_no_room_for_is_refused_with_both_sizes_before_it_is_begun() {
        let folder = tempfile::tempdir().unwrap();
        let free = free(folder.path()).unwrap().unwrap();
        let n_panels = (free / (PANEL as u64 * 4)) as usize + 1;
        let error = Writer::create(&place(folder.path()), D, n_panels).unwrap_err();
        assert_eq!(error.kind(), Kind::Io);
        let text = error.to_string();
        assert!(text.contains(" MiB free") && text.contains(&folder.path().display().to_string()), "{text}");
        assert!(error.hint_text().unwrap().contains("--spill"));
        assert_eq!(names(folder.path()), 0);
        // One that lies beyond any disk.
        assert_eq!(Writer::create(&place(folder.path()), D, 1 << 50).unwrap_err().kind(), Kind::Io);
    }

    #[test]
    fn a_disk_that_fills_up_while_the_file_is_written_is_a_clear_error_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let n_panels = 3 * PIECE_VALUES / PANEL;
        let all = values(n_panels);
        for room in [0, HEADER_BYTES as u64 + 1000, (HEADER_BYTES + 2 * PIECE_VALUES * 4) as u64] {
            let mut writer = Writer::create(&place(folder.path()), D, n_panels).unwrap();
            writer.full_at = Some(room);
            let error = writer.append(&all).and_then(|()| writer.finish().map(|_| ())).unwrap_err();
            assert_eq!(error.kind(), Kind::Io);
            assert!(error.to_string().contains("has no room for that"), "{error}");
            assert_eq!(names(folder.path()), 0);
        }
        let mut writer = Writer::create(&place(folder.path()), D, n_panels).unwrap();
        writer.append(&all).unwrap();
        writer.full_at = Some((HEADER_BYTES + PIECE_VALUES * 4) as u64);
        let error = writer.rewrite(100, &mut |_, _| Ok(())).and_then(Writer::finish).unwrap_err();
        assert!(error.to_string().contains("has no room for that"), "{error}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = Writer::create(&place(&folder.path().join("missing")), D, 1).unwrap_err();
        assert_eq!(error.kind(), Kind::Io);
        assert!(error.to_string().contains("missing"), "{error}");
    }

    #[test]
    fn values_that_changed_on_the_disk_are_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(&place(folder.path()), D, 4000).unwrap();
        writer.append(&values(4000)).unwrap();
        writer.flush().unwrap();
        let mut other = writer.file.try_clone().unwrap();
        other.seek(SeekFrom::Start((HEADER_BYTES + BLOCK_BYTES + 5) as u64)).unwrap();
        other.write_all(&[0xff]).unwrap();
        let error = writer.rewrite(64, &mut |_, _| Ok(())).unwrap_err();
        assert!(error.to_string().contains("checksum"), "{error}");
    }

    #[test]
    fn more_or_fewer_values_than_room_was_made_for_are_a_bug() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(&place(folder.path()), D, 2).unwrap();
        assert_eq!(writer.append(&values(3)).unwrap_err().kind(), Kind::Bug);
        // Nothing was written, which is less than a block.
        assert_eq!(writer.finish().unwrap_err().kind(), Kind::Bug);
    }
}
