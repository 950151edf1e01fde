//! Panels wherever they lie: in memory, or in a file for which memory has no room.
//!
//! Whoever reads panels of a file says so first, stretch by stretch ([`PanelFile::visit`]), so that what was visited long
//! ago can be given back and what comes back is looked at before it is used. Kernels see a plain slice in either case.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::error::Result;

/// Panels that are kept in a file.
pub trait PanelFile: fmt::Debug + Send + Sync {
    /// All values, (n_panels, d, 64), to be read where they were visited.
    fn values(&self) -> &[f32];

    /// Makes these values ready to be read. False where they are not those that were written: nothing may be made of
    /// them then, and [`PanelFile::check`] says what happened. Any thread may visit any values at any time.
    fn visit(&self, values: Range<usize>) -> bool;

    /// An error once a visit has found values that are not those that were written.
    fn check(&self) -> Result<()>;

    /// Bytes of the file.
    fn bytes(&self) -> u64;
}

/// The panels of a matrix.
#[derive(Debug, Clone)]
pub enum Panels {
    Memory(Vec<f32>),
    File(Arc<dyn PanelFile>),
}

impl Panels {
    /// All values, (n_panels, d, 64).
    #[inline(always)]
    pub fn values(&self) -> &[f32] {
        match self {
            Panels::Memory(values) => values,
            Panels::File(file) => file.values(),
        }
    }

    /// See [`PanelFile::visit`].
    #[inline(always)]
    pub fn visit(&self, values: Range<usize>) -> bool {
        match self {
            Panels::Memory(_) => true,
            Panels::File(file) => file.visit(values),
        }
    }

    /// The file, where they lie in one.
    pub fn file(&self) -> Option<&dyn PanelFile> {
        match self {
            Panels::Memory(_) => None,
            Panels::File(file) => Some(&**file),
        }
    }
}

impl From<Vec<f32>> for Panels {
    fn from(values: Vec<f32>) -> Self {
        Panels::Memory(values)
    }
}
