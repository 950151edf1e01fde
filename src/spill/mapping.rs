//! A file's values as a slice: the part of memory mapping that the compiler cannot check, in one place and as small as it
//! goes.

#![allow(unsafe_code, reason = "a file is mapped, and its pages are given back; argued at both blocks")]

use std::fs::File;
use std::io;
use std::ops::Range;

use memmap2::{Mmap, MmapOptions};

/// A part of a file, mapped for reading.
#[derive(Debug)]
pub(super) struct Mapping(Mmap);

impl Mapping {
    /// Maps `len` bytes from `offset` on, which the file has.
    pub fn new(file: &File, offset: u64, len: usize) -> io::Result<Self> {
        // SAFETY: what is mapped must not change and must not shrink while it is. The file has no name, so that nobody
        // else can open it; the room that made it writes nothing once it is mapped, and never makes it shorter.
        unsafe { MmapOptions::new().offset(offset).len(len).map(file) }.map(Self)
    }

    pub fn values(&self) -> &[f32] {
        // A mapping begins with a page, so that it is aligned; every pattern of bits is an f32.
        bytemuck::cast_slice(&self.0)
    }

    /// These bytes are wanted soon: the system may begin to read. Where it cannot, they come when they are read.
    pub fn ahead(&self, range: Range<usize>) {
        #[cfg(unix)]
        let _ = self.0.advise_range(memmap2::Advice::WillNeed, range.start, range.len());
        #[cfg(not(unix))]
        let _ = range;
    }

    /// These bytes are not wanted for now: they need not stay resident. The system has them in its cache still, as far as
    /// it has room, and on the disk in any case. Elsewhere than on Unix the system decides by itself.
    pub fn release(&self, range: Range<usize>) {
        // SAFETY: the mapping is of a file, shared, and never written to, so that a page that is given back holds the same
        // bytes when it is read again. Whoever reads it at this moment reads the file.
        #[cfg(unix)]
        let _ = unsafe { self.0.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len()) };
        #[cfg(not(unix))]
        let _ = range;
    }
}
