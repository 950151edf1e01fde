//! `segmint devices`: what the machine offers, whether `--device auto` would take it and why not, and what is missing.
//! With `--self-test` every adapter has to prove that it computes right.

mod machine;

use clap::Args;
use comfy_table::{Table, presets};
use serde::Serialize;

use self::machine::{Finding, Machine, State};
use super::printer;
use super::run::{OutputFlag, OutputForm};
use super::talk::Talk;
use crate::engine::cpu::CpuEngine;
use crate::engine::gpu::{self, AdapterInfo};
use crate::engine::{Device, DeviceKind, Engine};
use crate::error::{Error, Kind, Result};
use crate::report::terminal;

#[derive(Args, Debug)]
#[command(after_help = "\
Name an adapter to run on it: segmint run customers.parquet --k 5 --device \"part of its name\"
The result is the same on every device, bit for bit; only the time differs.")]
pub struct DevicesArgs {
    /// Let every adapter prove that it computes right: near ties, extremes, the ends of the largest buffers
    #[arg(long)]
    self_test: bool,
    #[command(flatten)]
    output: OutputFlag,
}

/// All that `--output json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    devices: Vec<Line>,
    machine: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Line {
    /// What `--device` is compared with.
    name: String,
    kind: &'static str,
    driver: String,
    /// Bytes of the largest binding and buffer that the driver allows; null for the CPU.
    binding_bytes: Option<u64>,
    buffer_bytes: Option<u64>,
    /// Whether `--device auto` may choose it, in words.
    auto: &'static str,
    /// One entry per check, null where it was not asked for.
    self_test: Option<Vec<Checked>>,
}

#[derive(Debug, Serialize)]
struct Checked {
    check: &'static str,
    /// Null where the device is right.
    wrong: Option<String>,
}

pub fn run(args: &DevicesArgs, talk: &Talk) -> anyhow::Result<()> {
    let adapters = gpu::adapters();
    let mut devices = vec![line(CpuEngine::new(0, None).device())];
    for adapter in &adapters {
        let mut line = line(&adapter.device);
        let offer = adapter.offer();
        line.binding_bytes = Some(offer.binding_bytes);
        line.buffer_bytes = Some(offer.buffer_bytes);
        if args.self_test {
            line.self_test = Some(self_test(adapter, talk));
        }
        devices.push(line);
    }
    let machine = if cfg!(target_os = "linux") { Machine::here().findings() } else { Vec::new() };
    let answer = Answer { devices, machine };
    let text = match args.output.form() {
        OutputForm::Json => {
            serde_json::to_string_pretty(&answer).map_err(|error| Error::bug(error.to_string()))? + "\n"
        }
        OutputForm::Table => page(&answer),
    };
    printer::result(&text)?;
    Ok(verdict(&answer)?)
}

fn line(device: &Device) -> Line {
    Line {
        name: gpu::title(device),
        kind: kind(device.kind),
        driver: device.driver.clone(),
        binding_bytes: None,
        buffer_bytes: None,
        auto: match device.kind {
            DeviceKind::Cpu => "yes",
            DeviceKind::SoftwareGpu => "no: software, slower than the CPU engine; for tests",
            _ => "yes, where the work is worth its start-up",
        },
        self_test: None,
    }
}

fn kind(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Cpu => "CPU",
        DeviceKind::IntegratedGpu => "integrated GPU",
        DeviceKind::DiscreteGpu => "discrete GPU",
        DeviceKind::VirtualGpu => "virtual GPU",
        DeviceKind::SoftwareGpu => "software",
    }
}

fn self_test(adapter: &AdapterInfo, talk: &Talk) -> Vec<Checked> {
    talk.note(&format!("testing {}", adapter.title()));
    let report = gpu::self_test(adapter);
    report.checks.into_iter().map(|check| Checked { check: check.name, wrong: check.wrong }).collect()
}

fn page(answer: &Answer) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["device", "kind", "driver", "largest binding, buffer", "--device auto may take it"]);
    for line in &answer.devices {
        let size = |bytes: Option<u64>| bytes.map_or("-".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
        let limits = format!("{}, {}", size(line.binding_bytes), size(line.buffer_bytes));
        let limits = if line.binding_bytes.is_some() { limits } else { "-".to_owned() };
        table.add_row([&terminal(&line.name), line.kind, &terminal(&line.driver), &limits, line.auto]);
    }
    let mut text = format!("{table}\n");
    if answer.devices.iter().all(|line| matches!(line.kind, "CPU" | "software")) {
        text.push_str("\nNo GPU was found; --device auto takes the CPU, with the same result.\n");
    }
    if !answer.machine.is_empty() {
        text.push_str("\nWhat a GPU needs on this machine:\n");
    }
    for finding in &answer.machine {
        let word = match finding.state {
            State::Good => "ok",
            State::Idle => "-",
            State::Missing => "MISSING",
        };
        text.push_str(&format!("  {word:<8}{}: {}\n", terminal(&finding.what), terminal(&finding.says)));
    }
    for line in &answer.devices {
        for checked in line.self_test.iter().flatten() {
            let word = if checked.wrong.is_none() { "passed" } else { "FAILED" };
            let wrong = checked.wrong.as_deref().map_or(String::new(), |wrong| format!(": {}", terminal(wrong)));
            text.push_str(&format!("\n  {word}  {}: {}{wrong}", terminal(&line.name), checked.check));
        }
    }
    if answer.devices.iter().any(|line| line.self_test.is_some()) {
        text.push('\n');
    }
    text
}

/// A device that computes wrong is an answer, and a reason to end with an error.
fn verdict(answer: &Answer) -> Result<()> {
    let wrong: Vec<&str> = answer
        .devices
        .iter()
        .filter(|line| line.self_test.iter().flatten().any(|checked| checked.wrong.is_some()))
        .map(|line| line.name.as_str())
        .collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Error::new(Kind::NoDevice, format!("computes wrong: {}", wrong.join(", ")))
            .hint("do not name it with --device; a newer driver may help")),
    }
}
