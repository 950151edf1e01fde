//! A spill file that is read: damage is found, a window stays resident, and what is no whole file of ours is not mapped.

use std::io::Write;

use super::*;
use crate::error::Kind;

const D: usize = 5;
const PANEL: usize = D * 64;

fn shape(n_panels: usize) -> Shape {
    Shape { n_features: D, n_panels }
}

fn values(shape: Shape) -> Vec<f32> {
    (0..shape.values()).map(|at| (at % 65_521) as f32).collect()
}

/// A file as it is written, with some bytes of it changed.
fn file(shape: Shape, change: impl Fn(&mut Vec<u8>)) -> File {
    let values = values(shape);
    let index: Vec<u64> = values.chunks(BLOCK_VALUES).map(format::hash).collect();
    let (index, index_hash) = format::index_bytes(&index);
    let mut bytes = format::header(shape, index_hash);
    bytes.extend(values.iter().flat_map(|value| value.to_ne_bytes()));
    bytes.extend(index);
    change(&mut bytes);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    file
}

fn open(shape: Shape, change: impl Fn(&mut Vec<u8>)) -> Result<Spilled> {
    let place = Place { folder: std::env::temp_dir(), window: 0 };
    Spilled::open(file(shape, change), shape, place)
}

/// Bytes of a mapping that are resident, as Linux tells.
fn resident(spilled: &Spilled) -> Option<usize> {
    let first = format!("{:x}-", spilled.values().as_ptr() as usize);
    let maps = std::fs::read_to_string("/proc/self/smaps").ok()?;
    let own = maps.lines().skip_while(|line| !line.starts_with(&first));
    let rss = own.clone().find_map(|line| line.strip_prefix("Rss:"))?;
    Some(rss.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? * 1024)
}

#[test]
fn a_changed_byte_is_found_by_whoever_visits_its_block_and_by_nobody_else() {
    let shape = shape(4 * BLOCK_VALUES / PANEL + 3);
    let spilled = open(shape, |bytes| bytes[HEADER_BYTES + 2 * BLOCK_BYTES + 77] ^= 4).unwrap();
    spilled.check().unwrap();
    assert!(spilled.visit(0..2 * BLOCK_VALUES));
    assert!(spilled.visit(3 * BLOCK_VALUES..shape.values()));
    spilled.check().unwrap();
    for _ in 0..2 {
        assert!(!spilled.visit(2 * BLOCK_VALUES + 5..2 * BLOCK_VALUES + 6));
        assert!(!spilled.visit(0..shape.values()));
        let error = spilled.check().unwrap_err();
        assert_eq!(error.kind(), Kind::Io);
        assert!(error.to_string().contains(&format!("byte {}", HEADER_BYTES + 2 * BLOCK_BYTES)), "{error}");
        assert!(error.hint_text().unwrap().contains("--spill"));
    }
    assert!(spilled.visit(0..BLOCK_VALUES));
}

#[test]
fn a_file_that_is_none_of_ours_or_was_cut_is_not_mapped() {
    let shape = shape(1000);
    let refused = |change: &dyn Fn(&mut Vec<u8>)| open(shape, change).unwrap_err();
    assert_eq!(refused(&|bytes| bytes.truncate(bytes.len() - 1)).kind(), Kind::Io);
    assert_eq!(refused(&|bytes| bytes.truncate(100)).kind(), Kind::Io);
    let version = refused(&|bytes| bytes[8] = 2);
    assert!(version.to_string().contains("version 2; this is 1"), "{version}");
    let index = refused(&|bytes| *bytes.last_mut().unwrap() ^= 1);
    assert!(index.to_string().contains("index"), "{index}");
}

#[test]
fn passes_in_any_order_by_any_number_of_threads_leave_a_window_resident() {
    // 24 blocks of values beside a window of four.
    let shape = shape(24 * BLOCK_VALUES / PANEL);
    let spilled = open(shape, |_| {}).unwrap();
    let step = 3 * PANEL * 16;
    let starts = |thread: usize, threads: usize| (0..shape.values()).step_by(step).skip(thread).step_by(threads);
    let mut most = 0;
    for threads in [1, 2, 5] {
        let sums: Vec<f64> = std::thread::scope(|scope| {
            let sum = |thread: usize| {
                let (spilled, mut sum) = (&spilled, 0.0);
                for first in starts(thread, threads) {
                    let range = first..shape.values().min(first + step);
                    assert!(spilled.visit(range.clone()));
                    sum += spilled.values()[range].iter().map(|&value| f64::from(value)).sum::<f64>();
                }
                sum
            };
            let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || sum(thread))).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        let expected: f64 = values(shape).iter().map(|&value| f64::from(value)).sum();
        assert_eq!(sums.iter().sum::<f64>(), expected);
        most = most.max(resident(&spilled).unwrap_or(0));
    }
    // From back to front, and one value here and there.
    for first in starts(0, 1).collect::<Vec<usize>>().into_iter().rev() {
        assert!(spilled.visit(first..first + 1) && spilled.values()[first] >= 0.0);
    }
    for at in (0..400usize).map(|n| n * 7_919_993 % shape.values()) {
        assert!(spilled.visit(at..at + 1) && spilled.values()[at] == (at % 65_521) as f32);
    }
    most = most.max(resident(&spilled).unwrap_or(0));
    if cfg!(target_os = "linux") {
        // Beside the window, what threads were reading when their blocks were given back.
        assert!(most > 0 && most <= (WINDOW_BLOCKS_MIN + 6) * BLOCK_BYTES, "{most} bytes resident");
    }
    assert!(spilled.bytes_brought() >= 4 * shape.values() as u64 * 3);
    spilled.check().unwrap();
}

#[test]
fn what_is_visited_together_is_resident_together_and_goes_with_the_next_visit() {
    let shape = shape(16 * BLOCK_VALUES / PANEL);
    let spilled = open(shape, |_| {}).unwrap();
    assert!(spilled.visit(0..shape.values()));
    assert_eq!(spilled.queue.lock().unwrap().len(), 16);
    assert!(spilled.visit(0..1), "it is resident still");
    for block in 0..2 {
        spilled.states[block].store(AWAY, Ordering::Release);
        assert!(spilled.visit(block * BLOCK_VALUES..block * BLOCK_VALUES + 1));
    }
    assert!(spilled.queue.lock().unwrap().len() <= WINDOW_BLOCKS_MIN);
}

#[test]
fn a_block_that_went_bad_while_it_was_away_is_found_when_it_comes_back() {
    let shape = shape(12 * BLOCK_VALUES / PANEL);
    let mut spilled = open(shape, |_| {}).unwrap();
    assert!((0..12).all(|block| spilled.visit(block * BLOCK_VALUES..block * BLOCK_VALUES + 1)));
    assert_eq!(spilled.states[0].load(Ordering::Acquire), AWAY);
    // As if the disk gave back other bytes than it did before.
    spilled.index[0] ^= 1;
    assert!(!spilled.visit(0..1));
    assert!(spilled.check().is_err());
}
