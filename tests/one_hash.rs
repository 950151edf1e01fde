//! One hash: the same customers give the same bytes in every published file, on the CPU and on each adapter, with any
//! number of threads, any chunk of rows, any memory and any layout of the input; and, sorted by id, in any order of
//! the rows. `SEGMINT_NIGHTLY=1` tries every cell, otherwise they are sampled so that every value of every axis occurs.

#![allow(clippy::print_stdout, clippy::print_stderr)] // how many cells were tried, and what was skipped, is said

#[path = "gpu/adapters.rs"]
mod adapters;

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use adapters::on_every_adapter;
use arrow::array::{
    ArrayRef, AsArray, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, UInt8Array,
};
use arrow::compute::{sort_to_indices, take_record_batch};
use arrow::datatypes::Int64Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use segmint::job::{
    ClusterSettings, Criterion, DeviceChoice, DuplicateIds, EngineSettings, Feature, Job, Missing, Mix, OutputSettings,
    PersonaSettings, ProfileSettings, SelectionSettings, SourceSettings, Transform,
};
use segmint::observe::Observe;
use segmint::pipeline;

/// Enough that every border of chunks, row groups and files falls inside.
const N_ROWS: usize = 200_123;

const THREADS: [usize; 4] = [1, 2, 3, 7];
const CHUNK_ROWS: [usize; 5] = [1000, 65_535, 65_536, 65_537, usize::MAX];
/// The second one is too small to keep the values: the source is read twice. The third one is too small for the grid too:
/// it lies in a file.
const MEMORY: [u64; 3] = [1 << 30, 24 << 20, 7 << 20];
const LAYOUTS: [&str; 7] =
    ["one file", "seven files", "row groups of 1000", "row groups of 128k", "snappy", "zstd", "dictionary off"];

/// What is equal everywhere.
const FILES: [&str; 6] =
    ["assignments.parquet", "model.json", "summary.json", "report.md", "report.html", "manifest.json"];

/// Cells that are tried where the night's full sweep is not asked for, at least.
const CELLS_MIN: usize = 24;

/// Customers with what makes trouble: ties, missing values, a few that are far beyond all others.
fn customers() -> RecordBatch {
    let n = N_ROWS as u64;
    let mut state = 2024u64;
    // SplitMix64, as a number from 0 to 1.
    let mut unit = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    let ids: Int64Array = (0..n).map(|row| (row * 7919 % n) as i64 - 1000).collect();
    let (mut recency, mut frequency, mut monetary) = (Vec::new(), Vec::new(), Vec::new());
    let (mut tenure, mut satisfaction, mut rate) = (Vec::new(), Vec::new(), Vec::new());
    let mut channel = Vec::new();
    for row in 0..N_ROWS {
        let group = row % 4;
        recency.push((unit() * 365.0 / (1.0 + group as f64)).floor());
        frequency.push((unit() * unit() * 20.0) as i32 + group as i32);
        let far = if row % 5000 == 17 { 1e6 } else { 1.0 };
        monetary.push(far * 100.0 * (1.0 + group as f64) * unit() / (0.05 + unit()));
        tenure.push((row % 997 != 5).then(|| (unit() * 1500.0).floor()));
        satisfaction.push((unit() * 5.0) as u8 + 1);
        rate.push(unit() as f32);
        channel.push((row % 11 != 3).then_some(["web", "store", "phone"][(unit() * unit() * 3.0) as usize]));
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("customer", Arc::new(ids)),
        ("recency", Arc::new(Float64Array::from(recency))),
        ("frequency", Arc::new(Int32Array::from(frequency))),
        ("monetary", Arc::new(Float64Array::from(monetary))),
        ("tenure", Arc::new(Float64Array::from(tenure))),
        ("satisfaction", Arc::new(UInt8Array::from(satisfaction))),
        ("rate", Arc::new(Float32Array::from(rate))),
        ("channel", Arc::new(StringArray::from(channel))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn write(batch: &RecordBatch, path: &Path, properties: WriterPropertiesBuilder) {
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// Writes the customers in a layout; gives back what to read.
fn lay_out(batch: &RecordBatch, layout: &str, place: &Path) -> PathBuf {
    let plain = WriterProperties::builder;
    let path = place.join(layout.replace(' ', "-"));
    let file = path.with_extension("parquet");
    match layout {
        "one file" => write(batch, &file, plain()),
        "seven files" => {
            fs::create_dir(&path).unwrap();
            let borders = [0, 1, 30_000, 65_536, 65_537, 131_073, 190_001, N_ROWS];
            for (index, border) in borders.windows(2).enumerate() {
                let part = batch.slice(border[0], border[1] - border[0]);
                write(&part, &path.join(format!("part-{index}.parquet")), plain());
            }
            return path;
        }
        "row groups of 1000" => write(batch, &file, plain().set_max_row_group_row_count(Some(1000))),
        "row groups of 128k" => write(batch, &file, plain().set_max_row_group_row_count(Some(128 * 1024))),
        "snappy" => write(batch, &file, plain().set_compression(Compression::SNAPPY)),
        "zstd" => write(batch, &file, plain().set_compression(Compression::ZSTD(ZstdLevel::default()))),
        "dictionary off" => write(batch, &file, plain().set_dictionary_enabled(false)),
        other => panic!("no layout {other}"),
    }
    file
}

fn job(input: &Path, output: &Path) -> Job {
    let log = |column: &str| Feature { transform: Transform::Log1p, ..Feature::plain(column) };
    Job {
        source: SourceSettings {
            path: input.display().to_string(),
            id: Some("customer".into()),
            sample_weight: None,
            duplicate_ids: DuplicateIds::Refuse,
        },
        features: vec![
            Feature::plain("recency"),
            log("frequency"),
            log("monetary"),
            Feature { missing: Missing::Drop, ..Feature::plain("tenure") },
            Feature::plain("satisfaction"),
        ],
        // More rows than restarts race over, and a choice at the end.
        cluster: ClusterSettings { k: 4..=5, n_init: 2, max_iter: 12, ..ClusterSettings::plain(5) },
        selection: SelectionSettings { criterion: Criterion::DaviesBouldin, ..SelectionSettings::default() },
        engine: EngineSettings {
            device: DeviceChoice::Cpu,
            memory: MEMORY[0],
            threads: 2,
            chunk_rows: 65_536,
            spill: std::env::temp_dir(),
            cache: None,
            tune: true,
        },
        persona: PersonaSettings { playbook: "rfm".into(), value: Some("monetary".into()), roles: Vec::new() },
        profile: ProfileSettings {
            columns: vec!["rate".into(), "channel".into()],
            mix: vec![Mix { name: "all".into(), columns: vec!["monetary".into(), "rate".into()] }],
            currency: Some("EUR".into()),
            ..ProfileSettings::default()
        },
        output: OutputSettings { path: output.to_path_buf(), overwrite: false },
    }
}

/// Runs a job and gives back the bytes of every file that must be equal.
fn bytes_of(job: &Job) -> Vec<Vec<u8>> {
    pipeline::run(job, &Observe::default()).unwrap_or_else(|error| panic!("{error}, for {job:?}"));
    let bytes = FILES.iter().map(|name| fs::read(job.output.path.join(name)).unwrap()).collect();
    fs::remove_dir_all(&job.output.path).unwrap();
    bytes
}

/// One way to run the job.
#[derive(Debug, Clone)]
struct Cell {
    device: DeviceChoice,
    threads: usize,
    chunk_rows: usize,
    memory: u64,
    layout: usize,
}

/// Every cell, or a sample: walks through all axes at once, each at its own pace, so that pairs of values differ.
fn cells(devices: &[DeviceChoice]) -> Vec<Cell> {
    let cell = |device: usize, threads: usize, chunk: usize, memory: usize, layout: usize| Cell {
        device: devices[device % devices.len()].clone(),
        threads: THREADS[threads % THREADS.len()],
        chunk_rows: CHUNK_ROWS[chunk % CHUNK_ROWS.len()],
        memory: MEMORY[memory % MEMORY.len()],
        layout: layout % LAYOUTS.len(),
    };
    let mut cells = Vec::new();
    if std::env::var_os("SEGMINT_NIGHTLY").is_some() {
        for device in 0..devices.len() {
            for threads in 0..THREADS.len() {
                for chunk in 0..CHUNK_ROWS.len() {
                    for layout in 0..LAYOUTS.len() {
                        cells.push(cell(device, threads, chunk, threads + chunk + layout, layout));
                    }
                }
            }
        }
    } else {
        for i in 0..CELLS_MIN.max(LAYOUTS.len() * devices.len()) {
            cells.push(cell(i + i / devices.len() / 3, i / 2, i, i / 3, i));
        }
    }
    cells
}

#[test]
fn every_cell_publishes_the_same_bytes() {
    let place = tempfile::tempdir().unwrap();
    let batch = customers();
    let inputs: Vec<PathBuf> = LAYOUTS.iter().map(|layout| lay_out(&batch, layout, place.path())).collect();
    let devices = RefCell::new(vec![DeviceChoice::Cpu]);
    on_every_adapter(|adapter| devices.borrow_mut().push(DeviceChoice::Named(adapter.title())));
    let devices = devices.into_inner();
    let output = place.path().join("run");

    let expected = bytes_of(&job(&inputs[0], &output));
    let cells = cells(&devices);
    for cell in &cells {
        let mut job = job(&inputs[cell.layout], &output);
        job.engine = EngineSettings {
            device: cell.device.clone(),
            memory: cell.memory,
            threads: cell.threads,
            chunk_rows: cell.chunk_rows,
            spill: std::env::temp_dir(),
            cache: None,
            tune: true,
        };
        let started = Instant::now();
        let found = bytes_of(&job);
        println!("{:6.2} s  {cell:?}, {}", started.elapsed().as_secs_f64(), LAYOUTS[cell.layout]);
        for ((name, found), expected) in FILES.iter().zip(&found).zip(&expected) {
            assert!(found == expected, "{name} differs in {cell:?}, {}", LAYOUTS[cell.layout]);
        }
    }
    let everywhere = |covered: &dyn Fn(&Cell) -> String| {
        let mut values: Vec<String> = cells.iter().map(covered).collect();
        values.sort();
        values.dedup();
        values.len()
    };
    assert_eq!(everywhere(&|cell| format!("{:?}", cell.device)), devices.len());
    assert_eq!(everywhere(&|cell| cell.threads.to_string()), THREADS.len());
    assert_eq!(everywhere(&|cell| cell.chunk_rows.to_string()), CHUNK_ROWS.len());
    assert_eq!(everywhere(&|cell| cell.memory.to_string()), MEMORY.len());
    assert_eq!(everywhere(&|cell| cell.layout.to_string()), LAYOUTS.len());
    assert!(cells.len() >= CELLS_MIN);
    println!("{} cells equal, on {} devices", cells.len(), devices.len());
}

/// The assignments by id.
fn sorted(run: &Path) -> RecordBatch {
    let file = File::open(run.join("assignments.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().with_batch_size(N_ROWS).build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let whole = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
    let order = sort_to_indices(whole.column(0), None, None).unwrap();
    take_record_batch(&whole, &order).unwrap()
}

#[test]
fn permuted_rows_give_the_same_assignments_by_id_and_the_same_model_and_report() {
    let place = tempfile::tempdir().unwrap();
    let batch = customers();
    let order: Int64Array = (0..N_ROWS as i64).map(|row| row * 104_729 % N_ROWS as i64).collect();
    let permuted = take_record_batch(&batch, &order).unwrap();
    assert_ne!(batch.column(0).as_primitive::<Int64Type>(), permuted.column(0).as_primitive::<Int64Type>());

    let runs = [batch, permuted].into_iter().enumerate().map(|(index, batch)| {
        let input = place.path().join(format!("in{index}.parquet"));
        write(&batch, &input, WriterProperties::builder());
        let output = place.path().join(format!("run{index}"));
        pipeline::run(&job(&input, &output), &Observe::default()).unwrap();
        let texts = ["model.json", "summary.json", "report.md", "report.html"]
            .map(|name| fs::read_to_string(output.join(name)).unwrap());
        (sorted(&output), texts)
    });
    let runs: Vec<_> = runs.collect();
    assert_eq!(runs[0].0, runs[1].0);
    assert_eq!(runs[0].1, runs[1].1);
}
