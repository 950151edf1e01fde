//! A column of few numbers, read as places in its dictionary.
//!
//! Only what stands around the values is read here: levels and places. What the dictionary's values are as numbers is
//! asked of the same decoder that reads every other column, from a page made of the dictionary alone.

use std::sync::Arc;

use bytes::Bytes;
use parquet::arrow::arrow_reader::RowGroups;
use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::coded::{Coded, Numbers, ROWS_PER_VALUE, VALUES_MAX, largest};
use super::decode::{Chunk, ColumnPlan, ColumnStream, Pages, parquet_error};
use super::hybrid;
use super::numbers::{NULL, to_numbers};
use super::quiet::guarded;
use crate::error::{Error, Result};

/// A coded column of a row group, decoded on demand.
pub(super) struct CodeStream {
    pages: Box<dyn PageReader>,
    nullable: bool,
    /// The dictionary, and null behind it.
    values: Arc<[f64]>,
    /// Of the pages decoded last, and how many are handed out.
    codes: Vec<u16>,
    handed_out: usize,
    /// Rows that pages may still hold, by the footer.
    rows_left: usize,
}

impl CodeStream {
    pub fn open(chunk: &Chunk, plan: &ColumnPlan) -> Result<Self> {
        guarded("opening a column", || {
            let mut pages = chunk.pages().map_err(undecodable)?;
            let (buf, n) = match pages.get_next_page().map_err(undecodable)? {
                Some(Page::DictionaryPage { buf, num_values, encoding, .. }) if is_plain(encoding) => (buf, num_values),
                _ => return Err(Error::bad_data("the column does not begin with the dictionary it uses")),
            };
            let n_values = n as usize;
            let width = match chunk.group().column(plan.leaf()).column_type() {
                PhysicalType::INT32 | PhysicalType::FLOAT => 4,
                _ => 8,
            };
            if n_values > VALUES_MAX || n_values * width > buf.len() {
                return Err(malformed());
            }
            // Whatever a writer left behind the last value.
            let buf = buf.slice(..n_values * width);
            let dictionary = Dictionary { chunk, page: as_data(buf, n, chunk.is_nullable()), n_values };
            let decoded = ColumnStream::open(&dictionary, plan, n_values)?.next(n_values)?;
            let mut values = to_numbers(decoded).ok_or_else(|| Error::bug("a numeric column without numbers"))?;
            values.push(NULL);
            let rows_left = chunk.num_rows();
            let (nullable, values) = (chunk.is_nullable(), values.into());
            Ok(Self { pages, nullable, values, codes: Vec::new(), handed_out: 0, rows_left })
        })
    }

    /// The next `rows` rows; `rows` is what the footer promises.
    pub fn next(&mut self, rows: usize) -> Result<Numbers> {
        guarded("decoding a column", || {
            while self.codes.len() - self.handed_out < rows {
                self.codes.drain(..std::mem::take(&mut self.handed_out));
                self.page()?;
            }
            let codes = self.codes[self.handed_out..][..rows].to_vec();
            self.handed_out += rows;
            let coded = Coded::new(codes, self.values.clone()).ok_or_else(malformed)?;
            let numbers = Numbers::Coded(coded);
            let worth_it = rows / ROWS_PER_VALUE >= self.values.len();
            Ok(if worth_it { numbers } else { Numbers::Values(numbers.into_values()) })
        })
    }

    /// Decodes a page.
    fn page(&mut self) -> Result<()> {
        let ends = |left: usize| Error::bad_data(format!("the column ends {left} rows before the row group does"));
        let page = self.pages.get_next_page().map_err(undecodable)?.ok_or_else(|| ends(self.rows_left))?;
        let rows = page.num_values() as usize;
        self.rows_left = self.rows_left.checked_sub(rows).ok_or_else(malformed)?;
        let (levels, codes) = parts(&page, self.nullable).ok_or_else(malformed)?;
        self.decode(levels, codes, rows).ok_or_else(malformed)
    }

    /// Appends a page's codes: those of the values present, and the code of null between them.
    fn decode(&mut self, levels: Option<&[u8]>, codes: &[u8], rows: usize) -> Option<()> {
        let mut present = Vec::new();
        // Most columns that may have nulls have none, and say so in a few bytes.
        let levels = levels.filter(|levels| !hybrid::is_run_of_ones(levels, rows));
        if let Some(levels) = levels {
            hybrid::decode(levels, 1, rows, &mut present)?;
        }
        if largest(&present) > 1 {
            return None;
        }
        let n_present = present.iter().map(|level| usize::from(*level)).sum();
        let all_present = levels.is_none() || n_present == rows;
        let n = if all_present { rows } else { n_present };
        // A page of nothing but nulls may have no width.
        let (width, codes) = match codes.split_first() {
            Some((width, codes)) => (u32::from(*width), codes),
            None if n == 0 => (0, codes),
            None => return None,
        };
        // A code behind the dictionary's last would be taken for null.
        let null = u16::try_from(self.values.len() - 1).ok()?;
        if all_present {
            let start = self.codes.len();
            hybrid::decode(codes, width, rows, &mut self.codes)?;
            return (largest(&self.codes[start..]) < null || rows == 0).then_some(());
        }
        let mut found = Vec::new();
        hybrid::decode(codes, width, n, &mut found)?;
        let mut found = found.into_iter();
        for level in present {
            self.codes.push(if level == 1 { found.next().filter(|code| *code < null)? } else { null });
        }
        Some(())
    }
}

/// Where a page's levels and its codes lie.
fn parts(page: &Page, nullable: bool) -> Option<(Option<&[u8]>, &[u8])> {
    match page {
        // What the survey has seen of the headers is held against the pages themselves.
        Page::DataPage { encoding, .. } | Page::DataPageV2 { encoding, .. } if !is_code(*encoding) => None,
        Page::DataPage { buf, .. } if !nullable => Some((None, buf)),
        Page::DataPage { def_level_encoding, .. } if *def_level_encoding != Encoding::RLE => None,
        Page::DataPage { buf, .. } => {
            let (length, rest) = buf.split_first_chunk::<4>()?;
            let (levels, codes) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            Some((Some(levels), codes))
        }
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            let repeated = buf.get(*rep_levels_byte_len as usize..)?;
            let (levels, codes) = repeated.split_at_checked(*def_levels_byte_len as usize)?;
            Some((nullable.then_some(levels), codes))
        }
        Page::DictionaryPage { .. } => None,
    }
}

#[allow(deprecated)] // what older files call it
fn is_code(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY)
}

fn is_plain(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::PLAIN | Encoding::PLAIN_DICTIONARY)
}

fn undecodable(error: ParquetError) -> Error {
    parquet_error("the column cannot be decoded", error)
}

fn malformed() -> Error {
    Error::bad_data("a page's places in its dictionary make no sense")
        .hint("the file is malformed: write it again, or check it with another Parquet reader")
}

/// A dictionary as if it were the only page of a column.
struct Dictionary<'a> {
    chunk: &'a Chunk,
    page: Page,
    n_values: usize,
}

/// A data page of these values, none of which is null.
fn as_data(values: Bytes, n: u32, nullable: bool) -> Page {
    let mut buf = Vec::new();
    if nullable {
        hybrid::put_run(&mut buf, 1, n as usize);
    }
    let def_levels_byte_len = buf.len() as u32;
    buf.extend_from_slice(&values);
    Page::DataPageV2 {
        buf: buf.into(),
        num_values: n,
        encoding: Encoding::PLAIN,
        num_nulls: 0,
        num_rows: n,
        def_levels_byte_len,
        rep_levels_byte_len: 0,
        is_compressed: false,
        statistics: None,
    }
}

impl RowGroups for Dictionary<'_> {
    fn num_rows(&self) -> usize {
        self.n_values
    }

    fn column_chunks(&self, _: usize) -> ParquetResult<Box<dyn PageIterator>> {
        Ok(Box::new(Pages(Some(Box::new(OnePage(Some(self.page.clone())))))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        self.chunk.row_groups()
    }

    fn metadata(&self) -> &ParquetMetaData {
        self.chunk.metadata()
    }
}

struct OnePage(Option<Page>);

impl Iterator for OnePage {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl PageReader for OnePage {
    fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
        Ok(self.0.take())
    }

    fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
        Ok(self.0.as_ref().map(|page| PageMetadata {
            num_rows: Some(page.num_values() as usize),
            num_levels: Some(page.num_values() as usize),
            is_dict: false,
        }))
    }

    fn skip_next_page(&mut self) -> ParquetResult<()> {
        self.0 = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
