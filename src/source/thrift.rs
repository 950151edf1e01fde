//! Just enough of Thrift's compact protocol to look at footers and page headers before the decoder believes them.
//!
//! Every method answers `None` where the bytes end too early or make no sense.

/// Structs inside structs that are skipped.
const DEPTH_MAX: usize = 16;

const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const I8: u8 = 3;
const I16: u8 = 4;
pub(super) const I32: u8 = 5;
pub(super) const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
pub(super) const STRUCT: u8 = 12;

/// Appends an integer in groups of seven bits, the lowest first, as Thrift and Parquet's runs have it.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A place in some bytes.
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
    position: usize,
}

/// A field of a struct: its number and its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub id: i64,
    pub kind: u8,
}

impl<'a> Thrift<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.position
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.position)?;
        self.position += 1;
        Some(byte)
    }

    pub fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub fn integer(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The next field of a struct, given the number of the one before; `Some(None)` at its end.
    pub fn field(&mut self, last: i64) -> Option<Option<Field>> {
        let byte = self.byte()?;
        let kind = byte & 0x0f;
        if kind == STOP {
            return Some(None);
        }
        let id = match byte >> 4 {
            0 => self.integer()?,
            step => last.checked_add(i64::from(step))?,
        };
        Some(Some(Field { id, kind }))
    }

    /// Length and element type of a list.
    pub fn list(&mut self) -> Option<(usize, u8)> {
        let byte = self.byte()?;
        let length = match byte >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            length => usize::from(length),
        };
        Some((length, byte & 0x0f))
    }

    /// Passes over the value of a field.
    pub fn skip(&mut self, kind: u8) -> Option<()> {
        match kind {
            // The type of a field says which of the two it is.
            TRUE | FALSE => Some(()),
            _ => self.skip_value(kind, 0),
        }
    }

    fn skip_value(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match kind {
            TRUE | FALSE | I8 => self.advance(1),
            I16 | I32 | I64 => self.varint().map(drop),
            DOUBLE => self.advance(8),
            BINARY => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.advance(length)
            }
            LIST | SET => {
                let (length, kind) = self.list()?;
                self.skip_many(length, &[kind], depth)
            }
            MAP => {
                let length = usize::try_from(self.varint()?).ok()?;
                if length == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                self.skip_many(length, &[kinds >> 4, kinds & 0x0f], depth)
            }
            STRUCT => {
                let mut last = 0;
                while let Some(field) = self.field(last)? {
                    last = field.id;
                    if !matches!(field.kind, TRUE | FALSE) {
                        self.skip_value(field.kind, depth + 1)?;
                    }
                }
                Some(())
            }
            _ => None,
        }
    }

    /// Each element takes a byte at least, so the bytes left bound the loop.
    fn skip_many(&mut self, length: usize, kinds: &[u8], depth: usize) -> Option<()> {
        for _ in 0..length {
            for kind in kinds {
                self.skip_value(*kind, depth + 1)?;
            }
        }
        Some(())
    }

    fn advance(&mut self, bytes: usize) -> Option<()> {
        let end = self.position.checked_add(bytes).filter(|end| *end <= self.bytes.len())?;
        self.position = end;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_passed_over() {
        // 1: i32 = -3, 2: binary "ab", 4: true, 5: list of two i32, 6: struct { 1: i64 = 1 }, 20: i8 = 9, stop.
        let bytes = [
            0x15, 0x05, 0x18, 0x02, b'a', b'b', 0x21, 0x19, 0x25, 0x02, 0x04, 0x1c, 0x16, 0x02, 0x00, 0x03, 0x28, 0x09,
            0x00,
        ];
        let mut thrift = Thrift::new(&bytes);
        let mut ids = Vec::new();
        let mut last = 0;
        while let Some(Some(field)) = thrift.field(last) {
            last = field.id;
            ids.push(field.id);
            if field.id == 1 {
                assert_eq!(thrift.integer(), Some(-3));
            } else {
                assert_eq!(thrift.skip(field.kind), Some(()));
            }
        }
        assert_eq!(ids, [1, 2, 4, 5, 6, 20]);
        assert_eq!(thrift.position(), bytes.len());
    }

    #[test]
    fn bytes_that_end_early_or_claim_too_much_are_refused() {
        assert_eq!(Thrift::new(&[]).field(0), None);
        assert_eq!(Thrift::new(&[0x80; 20]).varint(), None);
        assert_eq!(Thrift::new(&[0xff, 0xff, 0xff, 0xff, 0x0f]).skip(BINARY), None);
        assert_eq!(Thrift::new(&[0xf5, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1]).skip(LIST), None);
        assert_eq!(Thrift::new(&[0x1c; 100]).skip(STRUCT), None);
    }
}
