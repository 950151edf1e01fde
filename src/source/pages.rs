//! The pages of a column chunk, looked at before they are decoded.
//!
//! A page header is a claim: so many bytes once decompressed, so many values. A few bytes of malformed file can claim
//! gigabytes, and a decoder that reserves what is claimed dies of it. Here every header of a chunk is read first (some
//! thirty bytes each), its claims held against the file, the limits below and each other, and the rows must be as many
//! as the footer says. What can only be seen inside a page is checked when it has been decompressed.

use parquet::basic::{Compression, Encoding, Type as PhysicalType};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ColumnChunkMetaData;

use super::coded::{ROWS_PER_VALUE, VALUES_MAX};
use super::positioned::PositionedFile;
use super::thrift::{STRUCT, Thrift};
use crate::error::{Error, Result};

/// A page once decompressed. Writers make pages of about 1 MiB.
const PAGE_BYTES_MAX: u64 = 256 << 20;
/// A header, statistics included.
const HEADER_BYTES_MAX: usize = 1 << 20;
/// Most headers fit into one read of this size.
const HEADER_BYTES: usize = 256;
/// Bytes of one text or binary value of a dictionary, which may be repeated in every row; no id is that long.
pub(super) const VALUE_BYTES_MAX: usize = 4096;

/// Rows of a page that is read as codes at most: a page is decoded as a whole, and few bytes may stand for any number of rows.
const CODED_ROWS_MAX: u64 = 1 << 21;

/// What of a page's header is looked at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Header {
    kind: i64,
    plain_bytes: i64,
    stored_bytes: i64,
    /// Of a data page.
    values: Option<i64>,
    encoding: i64,
    /// The encoding of definition levels, where the page says it; all others are run lengths.
    levels: Option<i64>,
    /// Of a dictionary page.
    dictionary_values: Option<i64>,
}

const DATA_PAGE: i64 = 0;
const DICTIONARY_PAGE: i64 = 2;
const DATA_PAGE_V2: i64 = 3;
const PLAIN_DICTIONARY: i64 = 2;
const RLE: i64 = 3;
const DELTA_LENGTH_BYTE_ARRAY: i64 = 6;
const DELTA_BYTE_ARRAY: i64 = 7;
const RLE_DICTIONARY: i64 = 8;

/// What a chunk's pages are, as far as the decoder's caller needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Survey {
    /// The insides of some pages need a look as well.
    pub look_inside: bool,
    /// Every page holds places in a dictionary of few numbers.
    pub coded: bool,
}

/// Reads all page headers of a chunk and checks what they claim. `rows` is what the footer says.
pub(super) fn survey(file: &PositionedFile, chunk: &ColumnChunkMetaData, rows: u64) -> Result<Survey> {
    let (start, length) = chunk.byte_range();
    let mut position = start;
    let mut left = length;
    let mut values = 0u64;
    let mut survey = Survey { look_inside: false, coded: false };
    let nullable = chunk.column_descr().max_def_level() > 0;
    let (mut dictionary, mut all_coded) = (false, is_flat_number(chunk));
    // Each round consumes a byte at least, and a chunk lies inside the file.
    while left > 0 {
        let (header, bytes) = read_header(file, position, left)?;
        let stored = u64::try_from(header.stored_bytes).ok().filter(|stored| *stored <= left - bytes);
        let Some(stored) = stored else {
            return Err(malformed(format!("a page claims {} bytes, more than are left", header.stored_bytes)));
        };
        position += bytes + stored;
        left -= bytes + stored;
        let plain = u64::try_from(header.plain_bytes).unwrap_or(u64::MAX);
        if plain > PAGE_BYTES_MAX {
            return Err(malformed(format!("a page claims {} bytes once decompressed", header.plain_bytes))
                .hint(format!("pages hold at most {PAGE_BYTES_MAX} bytes; write the file again with smaller pages")));
        }
        if plain > stored.saturating_mul(expansion_max(chunk.compression())).saturating_add(64) {
            return Err(malformed(format!("a page of {stored} bytes claims {plain} once decompressed")));
        }
        match header.kind {
            DATA_PAGE | DATA_PAGE_V2 => {
                let of_page = header.values.and_then(|values| u64::try_from(values).ok());
                let Some(of_page) = of_page else { return Err(malformed("a data page without a number of values")) };
                values = values.saturating_add(of_page);
                survey.look_inside |= matches!(header.encoding, DELTA_LENGTH_BYTE_ARRAY | DELTA_BYTE_ARRAY);
                all_coded &= dictionary && of_page <= CODED_ROWS_MAX && holds_codes(&header, nullable);
            }
            DICTIONARY_PAGE => {
                check_dictionary(&header, chunk, plain)?;
                survey.look_inside |= chunk.column_type() == PhysicalType::BYTE_ARRAY;
                let n = header.dictionary_values.and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
                dictionary = (1..=VALUES_MAX).contains(&n) && n as u64 <= rows / ROWS_PER_VALUE as u64;
            }
            _ => {}
        }
    }
    if values != rows {
        return Err(malformed(format!("the column's pages hold {values} values, the row group {rows} rows")));
    }
    survey.coded = all_coded;
    Ok(survey)
}

/// Whether a data page holds places in a dictionary, behind levels that are written as all are today.
fn holds_codes(header: &Header, nullable: bool) -> bool {
    let levels = !nullable || header.levels.is_none_or(|levels| levels == RLE);
    levels && matches!(header.encoding, PLAIN_DICTIONARY | RLE_DICTIONARY)
}

/// Whether a column's numbers are of a fixed width, at most one a row.
fn is_flat_number(chunk: &ColumnChunkMetaData) -> bool {
    let column = chunk.column_descr();
    let number = matches!(
        chunk.column_type(),
        PhysicalType::INT32 | PhysicalType::INT64 | PhysicalType::FLOAT | PhysicalType::DOUBLE
    );
    number && column.max_rep_level() == 0 && column.max_def_level() <= 1
}

/// The most a codec can make of a byte; the decoder reserves what is claimed.
fn expansion_max(codec: Compression) -> u64 {
    match codec {
        Compression::SNAPPY => 32,
        Compression::LZ4 | Compression::LZ4_RAW => 256,
        Compression::GZIP(_) => 1040,
        // A run of one byte is a few bytes, however long.
        _ => u64::MAX,
    }
}

/// A dictionary's values must fit into its page.
fn check_dictionary(header: &Header, chunk: &ColumnChunkMetaData, plain: u64) -> Result<()> {
    let width = match chunk.column_type() {
        PhysicalType::BOOLEAN => 0,
        PhysicalType::INT32 | PhysicalType::FLOAT | PhysicalType::BYTE_ARRAY => 4,
        PhysicalType::INT64 | PhysicalType::DOUBLE => 8,
        PhysicalType::INT96 => 12,
        PhysicalType::FIXED_LEN_BYTE_ARRAY => u64::try_from(chunk.column_descr().type_length()).unwrap_or_default(),
    };
    let values = header.dictionary_values.and_then(|values| u64::try_from(values).ok());
    match values {
        Some(values) if width > 0 && values.saturating_mul(width) <= plain => Ok(()),
        _ => Err(malformed("a dictionary claims more values than its page can hold")),
    }
}

fn malformed(what: impl Into<String>) -> Error {
    Error::bad_data(what).hint("the file is malformed: write it again, or check it with another Parquet reader")
}

/// The header at `position`, and how long it is.
fn read_header(file: &PositionedFile, position: u64, left: u64) -> Result<(Header, u64)> {
    let most = usize::try_from(left).unwrap_or(usize::MAX).min(HEADER_BYTES_MAX);
    let mut size = HEADER_BYTES;
    loop {
        let mut bytes = vec![0; size.min(most)];
        file.read_exact_at(&mut bytes, position)
            .map_err(|error| Error::new(crate::error::Kind::Io, "a page header cannot be read").because(error))?;
        let mut thrift = Thrift::new(&bytes);
        match (Header::read(&mut thrift), size >= most) {
            (Some(header), _) => return Ok((header, thrift.position() as u64)),
            (None, true) => return Err(malformed("a page header makes no sense")),
            (None, false) => size = size.saturating_mul(8),
        }
    }
}

/// The kind of page that a field of the header describes.
fn kind_of(field: i64) -> i64 {
    match field {
        5 => DATA_PAGE,
        7 => DICTIONARY_PAGE,
        _ => DATA_PAGE_V2,
    }
}

impl Header {
    fn read(thrift: &mut Thrift) -> Option<Header> {
        let mut header = Header { kind: -1, stored_bytes: -1, plain_bytes: -1, ..Header::default() };
        let mut last = 0;
        while let Some(field) = thrift.field(last)? {
            last = field.id;
            match (field.id, field.kind) {
                (1, _) => header.kind = thrift.integer()?,
                (2, _) => header.plain_bytes = thrift.integer()?,
                (3, _) => header.stored_bytes = thrift.integer()?,
                // What belongs to another kind of page is no claim of this one.
                (5 | 7 | 8, STRUCT) if header.kind != kind_of(field.id) => thrift.skip(STRUCT)?,
                // Data page, dictionary page, data page version 2: all begin with the number of values.
                (5 | 7 | 8, STRUCT) => {
                    let [encoding, levels] =
                        if field.id == 8 { [4, 0] } else { [2, if field.id == 5 { 3 } else { 0 }] };
                    let [values, encoding, levels] = Self::integers(thrift, [1, encoding, levels])?;
                    match field.id {
                        7 => header.dictionary_values = values,
                        _ => {
                            header.values = values;
                            header.encoding = encoding.unwrap_or(-1);
                            header.levels = levels;
                        }
                    }
                }
                (_, kind) => thrift.skip(kind)?,
            }
        }
        Some(header)
    }

    /// Some integers of a struct, by the numbers of their fields.
    fn integers<const N: usize>(thrift: &mut Thrift, wanted: [i64; N]) -> Option<[Option<i64>; N]> {
        let mut found = [None; N];
        let mut last = 0;
        while let Some(field) = thrift.field(last)? {
            last = field.id;
            match wanted.iter().zip(&mut found).find(|(id, _)| **id == field.id) {
                Some((_, found)) => *found = Some(thrift.integer()?),
                None => thrift.skip(field.kind)?,
            }
        }
        Some(found)
    }
}

/// A page reader that looks into each page before it hands it on.
pub(super) struct LookInside {
    pub pages: Box<dyn PageReader>,
    /// Whether values may be null, which puts levels in front of them.
    pub nullable: bool,
}

impl LookInside {
    fn check(&self, page: &Page) -> ParquetResult<()> {
        let fits = match page {
            Page::DictionaryPage { buf, num_values, .. } => values_are_short(buf, *num_values),
            Page::DataPage { buf, num_values, encoding, def_level_encoding, .. } => {
                let levels = match (self.nullable, def_level_encoding) {
                    (false, _) => Some(0),
                    (true, Encoding::RLE) => {
                        buf.get(..4).and_then(|b| b.try_into().ok()).map(|b| 4 + u32::from_le_bytes(b) as usize)
                    }
                    (true, _) => Some((*num_values as usize).div_ceil(8)),
                };
                levels.and_then(|levels| buf.get(levels..)).is_some_and(|b| lengths_fit(b, *encoding, *num_values))
            }
            Page::DataPageV2 { buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
                let levels = *def_levels_byte_len as usize + *rep_levels_byte_len as usize;
                buf.get(levels..).is_some_and(|b| lengths_fit(b, *encoding, *num_values))
            }
        };
        if fits { Ok(()) } else { Err(ParquetError::General("a page's lengths make no sense".into())) }
    }
}

/// Whether the plain-encoded byte values of a dictionary are of sane length.
fn values_are_short(mut bytes: &[u8], n: u32) -> bool {
    for _ in 0..n {
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return false };
        let length = u32::from_le_bytes(*length) as usize;
        match rest.get(length..) {
            Some(rest) if length <= VALUE_BYTES_MAX => bytes = rest,
            _ => return false,
        }
    }
    true
}

/// Whether the lengths of delta-encoded byte values are no more than the page has values.
fn lengths_fit(bytes: &[u8], encoding: Encoding, values: u32) -> bool {
    match encoding {
        Encoding::DELTA_LENGTH_BYTE_ARRAY => delta_block(bytes, values).is_some(),
        Encoding::DELTA_BYTE_ARRAY => {
            // Prefix lengths first, suffix lengths where these end.
            let suffixes = delta_block(bytes, values).and_then(|end| bytes.get(end..));
            suffixes.is_some_and(|suffixes| delta_block(suffixes, values).is_some())
        }
        _ => true,
    }
}

/// Walks over delta-packed integers that are at most `most`; where they end.
fn delta_block(bytes: &[u8], most: u32) -> Option<usize> {
    let mut thrift = Thrift::new(bytes);
    let block = thrift.varint()?;
    let miniblocks = thrift.varint()?;
    let count = thrift.varint()?;
    thrift.integer()?;
    if count > u64::from(most) || miniblocks == 0 || block == 0 || block % miniblocks != 0 {
        return None;
    }
    let per_miniblock = block / miniblocks;
    let mut position = thrift.position();
    let mut left = count.saturating_sub(1);
    while left > 0 {
        let mut thrift = Thrift::new(bytes.get(position..)?);
        thrift.integer()?;
        position += thrift.position();
        let widths = bytes.get(position..)?.get(..usize::try_from(miniblocks).ok()?)?;
        position += widths.len();
        for width in widths {
            if left == 0 {
                break;
            }
            let packed = per_miniblock.checked_mul(u64::from(*width))?.div_ceil(8);
            position = position.checked_add(usize::try_from(packed).ok()?).filter(|end| *end <= bytes.len())?;
            left = left.saturating_sub(per_miniblock);
        }
    }
    Some(position)
}

impl Iterator for LookInside {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for LookInside {
    fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
        let page = self.pages.get_next_page()?;
        if let Some(page) = &page {
            self.check(page)?;
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> ParquetResult<()> {
        self.pages.skip_next_page()
    }
}
