//! A footer without what is not needed: statistics, indexes, bloom filters, extensions.
//!
//! What is left out cannot be malformed, takes no memory (a footer holds every column's extremes for every row group,
//! which are customers' values), and cannot be misread: some writers use field numbers for extensions of their own
//! that the standard later gave away. Whatever else a footer says is copied byte by byte.

use super::thrift::{Field, I32, I64, LIST, STRUCT, Thrift, put_varint};
use crate::error::{Error, Result};

/// Customers' tables are flat. Deeper schemas than this are malformed, and would exhaust the decoder's stack.
const SCHEMA_DEPTH_MAX: usize = 64;

/// Copies a footer, leaving out what is not needed.
pub(super) fn footer(stored: &[u8]) -> Result<Vec<u8>> {
    let lean = Vec::with_capacity(stored.len());
    let mut copy = Copy { stored, thrift: Thrift::new(stored), lean, open_groups: Vec::new(), depth: 0 };
    if copy.structure(Copy::file).is_none() {
        return Err(Error::bad_data("the footer makes no sense").hint("the file is damaged; write or copy it again"));
    }
    if copy.depth > SCHEMA_DEPTH_MAX {
        return Err(Error::bad_data(format!("the schema is nested more than {SCHEMA_DEPTH_MAX} deep")));
    }
    Ok(copy.lean)
}

struct Copy<'a> {
    stored: &'a [u8],
    thrift: Thrift<'a>,
    lean: Vec<u8>,
    /// Children still to come, for each schema group being walked through.
    open_groups: Vec<i64>,
    depth: usize,
}

/// What becomes of a field.
enum Fate {
    Kept,
    LeftOut,
}

impl Copy<'_> {
    /// Copies a struct, field by field; `each` copies or passes over one value.
    fn structure(&mut self, each: fn(&mut Self, Field) -> Option<Fate>) -> Option<()> {
        let mut last = 0;
        let mut last_kept = 0;
        while let Some(field) = self.thrift.field(last)? {
            last = field.id;
            let before = self.lean.len();
            self.field_header(last_kept, field);
            match each(self, field)? {
                Fate::Kept => last_kept = field.id,
                Fate::LeftOut => self.lean.truncate(before),
            }
        }
        self.lean.push(0);
        Some(())
    }

    fn file(&mut self, field: Field) -> Option<Fate> {
        match (field.id, field.kind) {
            (2, LIST) => self.list(Self::schema_element),
            (4, LIST) => self.list(|copy| copy.structure(Self::row_group)),
            // Key-value pairs; the lists of some writers are empty and of no type.
            (5, LIST) if self.stored.get(self.thrift.position()).is_some_and(|header| header >> 4 == 0) => {
                self.pass(field)
            }
            // Orders of the columns, which tell how to read statistics.
            (7, _) => self.pass(field),
            _ => self.value(field),
        }
    }

    fn row_group(&mut self, field: Field) -> Option<Fate> {
        match (field.id, field.kind) {
            (1, LIST) => self.list(|copy| copy.structure(Self::column_chunk)),
            // Bytes and rows.
            (2 | 3, I64) => self.value(field),
            _ => self.pass(field),
        }
    }

    fn column_chunk(&mut self, field: Field) -> Option<Fate> {
        match (field.id, field.kind) {
            (3, STRUCT) => {
                self.structure(Self::column_metadata)?;
                Some(Fate::Kept)
            }
            // Its place, and what it is encrypted with.
            (2 | 8 | 9, _) => self.value(field),
            _ => self.pass(field),
        }
    }

    fn column_metadata(&mut self, field: Field) -> Option<Fate> {
        match (field.id, field.kind) {
            // Type, encodings, path, codec, values, sizes, and where the data pages begin.
            (1..=7 | 9, _) => self.value(field),
            // Where the dictionary lies; 0 stands for nowhere.
            (11, I64) if self.stored.get(self.thrift.position()) != Some(&0) => self.value(field),
            _ => self.pass(field),
        }
    }

    fn schema_element(&mut self) -> Option<()> {
        let start = self.thrift.position();
        let mut children = 0;
        let mut last = 0;
        while let Some(field) = self.thrift.field(last)? {
            last = field.id;
            match (field.id, field.kind) {
                (5, I32) => children = self.thrift.integer()?,
                _ => self.thrift.skip(field.kind)?,
            }
        }
        self.lean.extend_from_slice(self.stored.get(start..self.thrift.position())?);
        if let Some(left) = self.open_groups.last_mut() {
            *left -= 1;
        }
        if children > 0 {
            self.open_groups.push(children);
            self.depth = self.depth.max(self.open_groups.len());
        }
        while self.open_groups.last().is_some_and(|left| *left <= 0) {
            self.open_groups.pop();
        }
        Some(())
    }

    /// Copies a list of structs.
    fn list(&mut self, element: impl Fn(&mut Self) -> Option<()>) -> Option<Fate> {
        let (length, kind) = self.thrift.list()?;
        if kind != STRUCT && length > 0 {
            return None;
        }
        match u8::try_from(length) {
            Ok(short) if short < 15 => self.lean.push(short << 4 | STRUCT),
            _ => {
                self.lean.push(0xf0 | STRUCT);
                put_varint(&mut self.lean, length as u64);
            }
        }
        // Each element takes a byte at least, so the bytes left bound the loop.
        for _ in 0..length {
            element(self)?;
        }
        Some(Fate::Kept)
    }

    /// Copies a value as it is.
    fn value(&mut self, field: Field) -> Option<Fate> {
        let start = self.thrift.position();
        self.thrift.skip(field.kind)?;
        self.lean.extend_from_slice(self.stored.get(start..self.thrift.position())?);
        Some(Fate::Kept)
    }

    fn pass(&mut self, field: Field) -> Option<Fate> {
        self.thrift.skip(field.kind)?;
        Some(Fate::LeftOut)
    }

    fn field_header(&mut self, last: i64, field: Field) {
        match u8::try_from(field.id - last) {
            Ok(step @ 1..=15) => self.lean.push(step << 4 | field.kind),
            _ => {
                self.lean.push(field.kind);
                put_varint(&mut self.lean, ((field.id << 1) ^ (field.id >> 63)) as u64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_renumbered_around_what_is_left_out() {
        // 1: version, 2: schema of one element, 3: rows, 4: one row group with one column and an ordinal, 7: orders.
        let column = [0x1c, 0x15, 0x02, 0x36, 0x08, 0x56, 0x06, 0x26, 0x00, 0x1c, 0x18, 0x01, b'x', 0x00, 0x00, 0x00];
        let mut stored =
            vec![0x15, 0x02, 0x19, 0x1c, 0x48, 0x01, b'a', 0x00, 0x16, 0x02, 0x19, 0x1c, 0x19, 0x1c, 0x26, 0x08];
        stored.extend(column);
        stored.extend([0x26, 0x02, 0x44, 0x02, 0x00, 0x39, 0x0c, 0x00]);
        let lean = footer(&stored).unwrap_or_default();
        // The column keeps fields 1, 4 and 9; the dictionary at 0, the statistics and the ordinal went.
        let kept = [0x1c, 0x15, 0x02, 0x36, 0x08, 0x56, 0x06, 0x00, 0x00];
        let mut expected =
            vec![0x15, 0x02, 0x19, 0x1c, 0x48, 0x01, b'a', 0x00, 0x16, 0x02, 0x19, 0x1c, 0x19, 0x1c, 0x26, 0x08];
        expected.extend(kept);
        expected.extend([0x26, 0x02, 0x00, 0x00]);
        assert_eq!(lean, expected);
    }

    #[test]
    fn a_bottomless_schema_is_refused() {
        let mut stored = vec![0x15, 0x02, 0x19, 0xfc, 100];
        for _ in 0..100 {
            stored.extend([0x48, 0x01, b'a', 0x15, 0x02, 0x00]);
        }
        stored.extend([0x16, 0x02, 0x19, 0x0c, 0x00]);
        let error = footer(&stored).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("the schema is nested more than 64 deep"));
    }

    #[test]
    fn every_cut_of_a_footer_is_refused() {
        let stored = [0x15, 0x02, 0x19, 0x1c, 0x48, 0x01, b'a', 0x00, 0x16, 0x02, 0x19, 0x0c, 0x00];
        assert!(footer(&stored).is_ok());
        for end in 0..stored.len() {
            assert!(footer(&stored[..end]).is_err(), "{end}");
        }
    }
}
