//! The report as a table: one line per chip and kernel, in a file that is kept, and what may not differ from it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use crate::kernels::in_table;

const TITLES: &str = "chip\tkernel\tvgprs\tsgprs\tspilled\tscratch_bytes\tworkgroup_bytes\twaves\tinstructions\tinner\tinner_vector\tinner_minimum\tper_row\tper_row_minimum";

/// One kernel on one chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub chip: String,
    pub kernel: String,
    pub vgprs: u32,
    pub sgprs: u32,
    pub spilled: u32,
    pub scratch_bytes: u32,
    pub workgroup_bytes: u32,
    pub waves: u32,
    pub instructions: u32,
    pub inner: u32,
    pub inner_vector: u32,
    pub inner_minimum: u32,
    /// 0 where a kernel's loops depend on the shape.
    pub per_row: u32,
    pub per_row_minimum: u32,
}

pub struct Table {
    pub driver: String,
    pub lines: Vec<Line>,
}

impl Table {
    pub fn path() -> PathBuf {
        [env!("CARGO_MANIFEST_DIR"), "shaders", "report.tsv"].iter().collect()
    }

    pub fn read() -> Table {
        let text = std::fs::read_to_string(Self::path()).unwrap();
        Self::parse(&text).unwrap_or_else(|why| panic!("shaders/report.tsv: {why}"))
    }

    pub fn parse(text: &str) -> Result<Table, String> {
        let mut table = Table { driver: String::new(), lines: Vec::new() };
        for line in text.lines().filter(|line| !line.is_empty() && *line != TITLES) {
            match line.strip_prefix("# ") {
                Some(driver) if table.driver.is_empty() || table.driver == driver => {
                    driver.clone_into(&mut table.driver)
                }
                Some(driver) => return Err(format!("two drivers: {} and {driver}", table.driver)),
                None => table.lines.push(Line::parse(line)?),
            }
        }
        if table.lines.is_empty() { Err("no line".to_owned()) } else { Ok(table) }
    }

    /// What is kept.
    pub fn text(&self) -> String {
        let child = self.lines.iter().all(|line| line.chip == self.lines[0].chip);
        let mut text = format!("# {}\n{TITLES}\n", self.driver);
        for line in self.lines.iter().filter(|line| child || in_table(&line.kernel)) {
            let _ = writeln!(text, "{}", line.text());
        }
        text
    }

    pub fn for_people(&self, chips: &[(&str, &str)]) -> String {
        let mut text = format!("{}\n", self.driver);
        let width = self.lines.iter().map(|line| line.kernel.len()).max().unwrap_or(0);
        for (chip, generation) in chips {
            let _ = writeln!(
                text,
                "\n{generation} ({chip})\n{:width$}  vgprs sgprs spills scratch memory waves instr  inner vector minimum  per row minimum",
                ""
            );
            for l in self.lines.iter().filter(|line| line.chip == *chip) {
                let _ = write!(
                    text,
                    "{:width$}  {:5} {:5} {:6} {:7} {:6} {:5} {:5}  {:5} {:6} {:7}",
                    l.kernel,
                    l.vgprs,
                    l.sgprs,
                    l.spilled,
                    l.scratch_bytes,
                    l.workgroup_bytes,
                    l.waves,
                    l.instructions,
                    l.inner,
                    l.inner_vector,
                    l.inner_minimum
                );
                if l.per_row > 0 {
                    let _ = write!(text, "  {:7} {:7}", l.per_row, l.per_row_minimum);
                }
                text.push('\n');
            }
        }
        text
    }

    /// Kernels that do not fit the registers.
    pub fn spills(&self) -> Vec<String> {
        let spills = |line: &&Line| line.spilled > 0 || line.scratch_bytes > 0;
        let say = |l: &Line| {
            format!("{} on {}: {} spills, {} bytes of scratch", l.kernel, l.chip, l.spilled, l.scratch_bytes)
        };
        self.lines.iter().filter(spills).map(say).collect()
    }

    /// What is a tenth longer than it was, or gone, or not in the table yet.
    pub fn grown(&self, found: &Table) -> Vec<String> {
        let key = |line: &Line| (line.chip.clone(), line.kernel.clone());
        let mut before: BTreeMap<_, &Line> = self.lines.iter().map(|line| (key(line), line)).collect();
        let mut faults = Vec::new();
        for now in found.lines.iter().filter(|line| in_table(&line.kernel)) {
            let Some(then) = before.remove(&key(now)) else {
                faults.push(format!("{} on {} is not in shaders/report.tsv", now.kernel, now.chip));
                continue;
            };
            for (what, then, now_count) in [
                ("instructions", then.instructions, now.instructions),
                ("instructions of the inner loop", then.inner, now.inner),
                ("instructions per row", then.per_row, now.per_row),
            ] {
                if u64::from(now_count) * 10 > u64::from(then) * 11 {
                    faults.push(format!("{} on {}: {now_count} {what}, {then} in the table", now.kernel, now.chip));
                }
            }
        }
        faults.extend(before.into_keys().map(|(chip, kernel)| format!("{kernel} on {chip} is in the table and gone")));
        faults
    }
}

/// Made-up changes of what was found that the checks must notice; the answer lists those that they do not.
pub fn blind_spots(found: &Table) -> Vec<String> {
    let mut blind = Vec::new();
    let changed = |change: fn(&mut Line)| {
        let mut lines = found.lines.clone();
        change(&mut lines[0]);
        Table { driver: found.driver.clone(), lines }
    };
    let kept = Table::parse(&found.text());
    match kept {
        Ok(kept) => {
            let longer = changed(|line| line.instructions = line.instructions * 11 / 10 + 1);
            if kept.grown(&longer).len() != 1 {
                blind.push("a tenth more instructions go unnoticed".to_owned());
            }
            if !kept.grown(found).is_empty() {
                blind.push("a table differs from itself".to_owned());
            }
            if kept.grown(&Table { driver: String::new(), lines: found.lines[1..].to_vec() }).len() != 1 {
                blind.push("a kernel that is gone goes unnoticed".to_owned());
            }
        }
        Err(why) => blind.push(why),
    }
    if changed(|line| line.spilled = 1).spills().len() != found.spills().len() + 1
        || changed(|line| line.scratch_bytes = 4).spills().len() != found.spills().len() + 1
    {
        blind.push("spills go unnoticed".to_owned());
    }
    blind.extend(crate::listing::self_check().err());
    blind
}

impl Line {
    fn numbers(&self) -> [u32; 12] {
        [
            self.vgprs,
            self.sgprs,
            self.spilled,
            self.scratch_bytes,
            self.workgroup_bytes,
            self.waves,
            self.instructions,
            self.inner,
            self.inner_vector,
            self.inner_minimum,
            self.per_row,
            self.per_row_minimum,
        ]
    }

    fn text(&self) -> String {
        let numbers = self.numbers().map(|number| number.to_string()).join("\t");
        format!("{}\t{}\t{numbers}", self.chip, self.kernel)
    }

    fn parse(text: &str) -> Result<Line, String> {
        let mut cells = text.split('\t');
        let mut word = || cells.next().map(str::to_owned).ok_or_else(|| format!("too short: {text:?}"));
        let (chip, kernel) = (word()?, word()?);
        let mut number = || word()?.parse::<u32>().map_err(|_| format!("not a number in {text:?}"));
        Ok(Line {
            chip,
            kernel,
            vgprs: number()?,
            sgprs: number()?,
            spilled: number()?,
            scratch_bytes: number()?,
            workgroup_bytes: number()?,
            waves: number()?,
            instructions: number()?,
            inner: number()?,
            inner_vector: number()?,
            inner_minimum: number()?,
            per_row: number()?,
            per_row_minimum: number()?,
        })
    }
}
