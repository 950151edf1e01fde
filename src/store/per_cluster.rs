//! Columns that say the same of all customers of a cluster: its number and what it is called, as a dictionary of the few
//! values and their places.
//!
//! The Parquet crate would look every row's value up in a hash table to find the place that is known already, which is a
//! third of what writing costs. So the pages are made here; the crate writes their headers and what the footer says.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use crate::source::{put_packed, put_run};

/// What is said of each cluster: the values, each once, and where each cluster's stands among them; `None` is null.
pub(super) struct PerCluster {
    values: Values,
    codes: Vec<Option<u32>>,
}

enum Values {
    Texts(Vec<String>),
    Integers(Vec<i32>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::Texts(texts) => texts.len(),
            Values::Integers(integers) => integers.len(),
        }
    }

    /// One behind the other, as a dictionary page has them.
    fn plain(&self) -> Vec<u8> {
        match self {
            Values::Texts(texts) => {
                let text = |text: &String| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
                texts.iter().flat_map(text).collect()
            }
            Values::Integers(integers) => integers.iter().flat_map(|integer| integer.to_le_bytes()).collect(),
        }
    }

    /// The smallest and the largest of those that are used, and how many rows have none.
    fn statistics(&self, used: &[bool], nulls: usize) -> Statistics {
        let nulls = Some(nulls as u64);
        match self {
            Values::Texts(texts) => {
                let used = || texts.iter().zip(used).filter(|(_, used)| **used).map(|(text, _)| text.as_bytes());
                let bytes = |text: Option<&[u8]>| text.map(|text| ByteArray::from(text.to_vec()));
                Statistics::byte_array(bytes(used().min()), bytes(used().max()), None, nulls, false)
            }
            Values::Integers(integers) => {
                let used = || integers.iter().zip(used).filter(|(_, used)| **used).map(|(integer, _)| *integer);
                Statistics::int32(used().min(), used().max(), None, nulls, false)
            }
        }
    }
}

impl PerCluster {
    /// The number of each of `n_clusters`.
    pub fn numbers(n_clusters: usize) -> Self {
        let values = Values::Integers((0..n_clusters as i32).collect());
        Self { values, codes: (0..n_clusters as u32).map(Some).collect() }
    }

    pub fn names<'a>(names: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut distinct: Vec<String> = Vec::new();
        let codes = names
            .map(|name| {
                let name = name?;
                let code = distinct.iter().position(|known| known == name).unwrap_or_else(|| {
                    distinct.push(name.to_owned());
                    distinct.len() - 1
                });
                Some(code as u32)
            })
            .collect();
        Self { values: Values::Texts(distinct), codes }
    }

    /// The column chunk of some rows: its bytes, and what the footer says of it.
    pub fn encode(&self, column: ColumnDescPtr, clusters: &[u16]) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let code = |cluster: &u16| self.codes.get(usize::from(*cluster)).copied().flatten();
        let nullable = column.max_def_level() > 0;
        let present: Vec<u32> = clusters.iter().filter_map(code).collect();
        let nulls = clusters.len() - present.len();
        if nulls > 0 && !nullable {
            return Err(ParquetError::General("a cluster has no value".to_owned()));
        }

        let mut data = Vec::new();
        if nullable {
            let mut levels = Vec::new();
            match nulls {
                0 => put_run(&mut levels, 1, clusters.len()),
                _ => put_packed(&mut levels, 1, clusters.iter().map(|cluster| u32::from(code(cluster).is_some()))),
            }
            data.extend_from_slice(&(levels.len() as u32).to_le_bytes());
            data.extend_from_slice(&levels);
        }
        // Where no cluster has a value there is nothing to place, and no dictionary.
        let encoding = if self.values.len() == 0 { Encoding::PLAIN } else { Encoding::RLE_DICTIONARY };
        if self.values.len() > 0 {
            let width = (usize::BITS - (self.values.len() - 1).leading_zeros()).max(1);
            data.push(width as u8);
            put_packed(&mut data, width, present.iter().copied());
        }
        let dictionary = Page::DictionaryPage {
            buf: self.values.plain().into(),
            num_values: self.values.len() as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let data = Page::DataPage {
            buf: data.into(),
            num_values: clusters.len() as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let mut used = vec![false; self.values.len()];
        present.iter().for_each(|code| used[*code as usize] = true);
        let statistics = self.values.statistics(&used, nulls);
        let dictionary = (self.values.len() > 0).then_some(dictionary);
        chunk(column, dictionary, data, encoding, clusters.len(), statistics)
    }
}

/// Pages, the dictionary first, as a column chunk.
fn chunk(
    column: ColumnDescPtr,
    dictionary: Option<Page>,
    data: Page,
    encoding: Encoding,
    rows: usize,
    statistics: Statistics,
) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
    let mut sink = TrackedWrite::new(Vec::new());
    let mut pages = SerializedPageWriter::new(&mut sink);
    let mut write = |page: Page| {
        let bytes = page.buffer().len();
        pages.write_page(CompressedPage::new(page, bytes))
    };
    let dictionary = dictionary.map(&mut write).transpose()?.map(|page| page.offset as i64);
    let data = write(data)?;
    let bytes = sink.into_inner()?;
    let metadata = ColumnChunkMetaData::builder(column)
        .set_compression(Compression::UNCOMPRESSED)
        .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, encoding])
        .set_num_values(rows as i64)
        .set_total_compressed_size(bytes.len() as i64)
        .set_total_uncompressed_size(bytes.len() as i64)
        .set_dictionary_page_offset(dictionary)
        .set_data_page_offset(data.offset as i64)
        .set_statistics(statistics)
        .build()?;
    // All columns of a file have one, or none has; there is one page to find.
    let mut index = OffsetIndexBuilder::new();
    index.append_row_count(rows as i64);
    index.append_offset_and_size(data.offset as i64, data.compressed_size as i32);
    let close = ColumnCloseResult {
        bytes_written: bytes.len() as u64,
        rows_written: rows as u64,
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: Some(index.build()),
    };
    Ok((bytes.into(), close))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::AsArray;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::data_type::Int32Type;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// What a reader finds in a file of names and a column that the crate wrote, and what its footer says.
    fn written(names: &PerCluster, clusters: &[u16], nullable: bool) -> (Vec<Option<String>>, Statistics) {
        let repetition = if nullable { "OPTIONAL" } else { "REQUIRED" };
        let schema =
            parse_message_type(&format!("message m {{ {repetition} BYTE_ARRAY name (STRING); REQUIRED INT32 x; }}"))
                .unwrap();
        let properties = Arc::new(WriterProperties::builder().build());
        let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties).unwrap();
        let column = writer.schema_descr().column(0);
        let (pages, close) = names.encode(column, clusters).unwrap();
        let mut group = writer.next_row_group().unwrap();
        group.append_column(&pages, close).unwrap();
        let mut other = group.next_column().unwrap().unwrap();
        other.typed::<Int32Type>().write_batch(&vec![7; clusters.len()], None, None).unwrap();
        other.close().unwrap();
        group.close().unwrap();
        let file = Bytes::from(writer.into_inner().unwrap());
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let statistics = reader.metadata().row_group(0).column(0).statistics().unwrap().clone();
        let mut found = Vec::new();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            found.extend(batch.column(0).as_string::<i32>().iter().map(|name| name.map(str::to_owned)));
        }
        (found, statistics)
    }

    #[test]
    fn a_reader_finds_the_name_of_every_row() {
        let many: Vec<String> = (0..300).map(|i| format!("Persona {}", i * 7 % 290)).collect();
        let all: Vec<Vec<Option<&str>>> = vec![
            vec![Some("Loyal")],
            vec![Some("Loyal"), Some("At risk"), Some("Loyal")],
            vec![Some("Loyal"), None, Some("")],
            vec![None, None],
            many.iter().map(|name| Some(name.as_str())).collect(),
        ];
        for of_clusters in all {
            let names = PerCluster::names(of_clusters.iter().copied());
            for n_rows in [1, 7, 8, 9, 1000, 131_072] {
                let clusters: Vec<u16> = (0..n_rows).map(|row| (row * row % 1009 % of_clusters.len()) as u16).collect();
                let expected: Vec<Option<String>> =
                    clusters.iter().map(|cluster| of_clusters[usize::from(*cluster)].map(str::to_owned)).collect();
                let nullable = of_clusters.contains(&None);
                for nullable in [nullable, true] {
                    let (found, statistics) = written(&names, &clusters, nullable);
                    assert_eq!(found, expected);
                    let nulls = expected.iter().filter(|name| name.is_none()).count() as u64;
                    assert_eq!(statistics.null_count_opt(), Some(nulls));
                    let present = || expected.iter().flatten().map(|name| name.as_bytes());
                    assert_eq!(
                        (statistics.min_bytes_opt(), statistics.max_bytes_opt()),
                        (present().min(), present().max())
                    );
                }
            }
        }
    }

    #[test]
    fn a_reader_finds_the_number_of_every_row() {
        for n_clusters in [1, 2, 9, 300] {
            let schema = parse_message_type("message m { REQUIRED INT32 cluster; }").unwrap();
            let properties = Arc::new(WriterProperties::builder().build());
            let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties).unwrap();
            // The last cluster has no row here.
            let clusters: Vec<u16> = (0..1000u16).map(|row| row * 7 % (n_clusters - 1).max(1)).collect();
            let (pages, close) = PerCluster::numbers(usize::from(n_clusters))
                .encode(writer.schema_descr().column(0), &clusters)
                .unwrap();
            let mut group = writer.next_row_group().unwrap();
            group.append_column(&pages, close).unwrap();
            group.close().unwrap();
            let file = Bytes::from(writer.into_inner().unwrap());
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            let Some(Statistics::Int32(statistics)) = reader.metadata().row_group(0).column(0).statistics().cloned()
            else {
                panic!("statistics of integers");
            };
            let batch = reader.with_batch_size(1000).build().unwrap().next().unwrap().unwrap();
            let found: Vec<i32> = batch.column(0).as_primitive::<arrow::datatypes::Int32Type>().values().to_vec();
            assert_eq!(found, clusters.iter().map(|cluster| i32::from(*cluster)).collect::<Vec<_>>());
            let (least, most) = (clusters.iter().min(), clusters.iter().max());
            let told = |value: Option<&i32>| value.map(|value| *value as u16);
            assert_eq!((told(statistics.min_opt()), told(statistics.max_opt())), (least.copied(), most.copied()));
        }
    }

    #[test]
    fn a_column_without_nulls_takes_no_cluster_without_a_name() {
        let schema = parse_message_type("message m { REQUIRED BYTE_ARRAY name (STRING); }").unwrap();
        let schema = parquet::schema::types::SchemaDescriptor::new(Arc::new(schema));
        let names = PerCluster::names([Some("Loyal"), None].into_iter());
        assert!(names.encode(schema.column(0), &[0, 0]).is_ok());
        assert!(names.encode(schema.column(0), &[0, 1]).is_err());
    }
}
