//! Where the rows of a wave stand in the matrix: which rows of which batch fall into a panel.

use crate::grid::PANEL_ROWS;

use super::rows::Rows;

/// The kept rows of a wave and where they stand in the matrix.
pub struct Wave<'a> {
    parts: &'a [Rows],
    /// The matrix row at which each part begins, and the one behind the last.
    starts: Vec<usize>,
}

/// Successive rows of one part within one panel.
pub struct Run<'a> {
    pub rows: &'a Rows,
    /// Which part of the wave it is.
    pub part: usize,
    /// The first of them within the part.
    pub from: usize,
    /// The lane of the first.
    pub lane: usize,
    pub len: usize,
}

impl<'a> Wave<'a> {
    /// `first` is the matrix row of the first kept row.
    pub fn new(first: usize, parts: &'a [Rows]) -> Self {
        let mut starts = vec![first];
        let mut next = first;
        for part in parts {
            next += part.n_rows;
            starts.push(next);
        }
        Self { parts, starts }
    }

    pub fn parts(&self) -> &'a [Rows] {
        self.parts
    }

    /// The matrix row at which a part begins.
    pub fn start(&self, part: usize) -> usize {
        self.starts[part]
    }

    fn first(&self) -> usize {
        self.starts[0]
    }

    pub fn end(&self) -> usize {
        self.starts[self.parts.len()]
    }

    /// Panels that hold rows of this wave.
    pub fn panels(&self) -> std::ops::Range<usize> {
        self.first() / PANEL_ROWS..self.end().div_ceil(PANEL_ROWS)
    }

    pub fn runs(&self, panel: usize) -> impl Iterator<Item = Run<'_>> {
        let (begin, end) = (panel * PANEL_ROWS, (panel + 1) * PANEL_ROWS);
        let first = self.starts.partition_point(|&start| start <= begin).saturating_sub(1);
        let parts = self.parts.iter().zip(&self.starts).enumerate().skip(first);
        parts.take_while(move |(_, (_, start))| **start < end).filter_map(move |(part, (rows, &start))| {
            let (from, to) = (start.max(begin), (start + rows.n_rows).min(end));
            (from < to).then(|| Run { rows, part, from: from - start, lane: from - begin, len: to - from })
        })
    }
}
