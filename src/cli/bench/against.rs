//! A bench beside an earlier one, of another day or another machine: each shape that both have measured, device by device.
//! Software adapters are left out: they say nothing about speed.

use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};

use super::answer::{Answer, Timing};
use crate::cli::talk::grouped;
use crate::error::{Error, Kind, Result};
use crate::report::terminal;

/// The JSON that `segmint bench --output json` printed.
pub fn read(path: &Path) -> Result<Answer> {
    let text = std::fs::read(path).map_err(|error| Error::io("read", path.display(), error))?;
    serde_json::from_slice(&text).map_err(|error| {
        Error::new(Kind::Usage, format!("{} is not what a bench printed", path.display()))
            .because(error)
            .hint("`segmint bench --output json > FILE` makes such a file")
    })
}

/// Pairs of the two, in the order of the new one; what only one has measured is said.
pub fn table(answer: &Answer, earlier: &Answer) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["what", "rows", "features", "k", "models", "device", "ms", "against", "ms", "times as fast"]);
    let ranked =
        |of: &Answer| -> Vec<Timing> { of.results.iter().filter(|timing| !timing.software).cloned().collect() };
    let (now, then) = (ranked(answer), ranked(earlier));
    let mut alone = 0;
    for timing in &now {
        let like: Vec<&Timing> = then.iter().filter(|other| timing.is_like(other)).collect();
        alone += usize::from(like.is_empty());
        for other in like {
            table.add_row([
                timing.title(),
                grouped(timing.rows),
                timing.features.to_string(),
                timing.k.to_string(),
                timing.models.to_string(),
                terminal(&timing.device),
                format!("{:.3}", timing.median_ms),
                terminal(&other.device),
                format!("{:.3}", other.median_ms),
                format!("{:.2}", other.median_ms / timing.median_ms),
            ]);
        }
    }
    for index in [1, 2, 3, 4, 6, 8, 9] {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let named = |of: &Answer| {
        let processor = of.processor.as_deref().map_or("an unnamed processor".to_owned(), terminal);
        format!("segmint {}, {processor}, {} threads", terminal(&of.segmint), of.threads)
    };
    let mut text = format!("{table}\nhere: {}\nthere: {}\n", named(answer), named(earlier));
    if alone > 0 {
        text += &format!("{alone} of {} timings have no counterpart there\n", now.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::What;
    use super::*;

    fn timing(k: usize, milliseconds: f64, software: bool) -> Timing {
        let timing = Timing::new(What::Step, "CPU", 1000, 10, k, 1, vec![milliseconds]);
        Timing { software, ..timing }
    }

    fn answer(results: Vec<Timing>) -> Answer {
        let (segmint, system) = ("0.1.0".to_owned(), "linux x86_64".to_owned());
        Answer { segmint, processor: None, system, threads: 2, peak: 1e9, results }
    }

    #[test]
    fn shapes_of_both_are_paired_and_software_is_never_ranked() {
        let now = answer(vec![timing(5, 2.0, false), timing(8, 3.0, false), timing(9, 1.0, true)]);
        let then = answer(vec![timing(5, 5.0, false), timing(9, 4.0, true)]);
        let text = table(&now, &then);
        let rows: Vec<&str> = text.lines().filter(|line| line.contains("step")).collect();
        assert_eq!(rows.len(), 1, "{text}");
        assert!(rows[0].trim_end().ends_with("2.50"), "{text}");
        assert!(text.contains("1 of 2 timings have no counterpart there"), "{text}");
    }

    #[test]
    fn what_a_bench_printed_is_read_again_and_other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, serde_json::to_string(&answer(vec![timing(5, 2.0, false)])).unwrap()).unwrap();
        assert_eq!(read(&path).unwrap().results[0].median_ms, 2.0);
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), Kind::Usage);
        assert!(read(&folder.path().join("b.json")).is_err());
    }
}
