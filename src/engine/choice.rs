//! Which engine a run gets. `auto` goes by a cost model whose figures are printed, never takes a software adapter, and
//! does not look for a GPU where the CPU would be done before one has started.

use super::cpu::CpuEngine;
use super::gpu::{AdapterInfo, GpuEngine, GpuSettings, adapters, title};
use super::guard::{Guard, Spare, name};
use super::{Device, DeviceKind, Engine, Neighbours};
use crate::error::{Error, Kind, Result};
use crate::observe::{Event, Observe};

/// What the user wants to run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Whatever is expected to be faster.
    Auto,
    Cpu,
    /// Any GPU but a software one. No fallback.
    Gpu,
    /// The first adapter whose "name (backend)" contains this, upper or lower case, software ones included. No fallback.
    Named(String),
}

/// How engines are opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub wanted: Wanted,
    /// Bytes that a GPU may keep of the matrix.
    pub memory: u64,
    /// 0: all cores.
    pub threads: usize,
}

/// How much work there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub n_rows: u64,
    pub n_features: usize,
    pub n_clusters: usize,
    /// Models that are fitted together.
    pub n_models: usize,
}

/// Passes that a fit is expected to take.
const PASSES: f64 = 30.0;

/// What a device is expected to do, from the middle of what is on the market.
struct Pace {
    /// Until the first kernel runs.
    start_ms: f64,
    /// Per pass: submit, wait, read back.
    pass_ms: f64,
    /// Bytes a second over the bus; the matrix takes it once.
    bus: f64,
    /// Bytes a second from its memory.
    memory: f64,
    /// Multiply-adds a second.
    compute: f64,
}

fn pace(kind: DeviceKind, threads: usize) -> Pace {
    let gpu = |start_ms, bus, memory, compute| Pace { start_ms, pass_ms: 0.3, bus, memory, compute };
    match kind {
        // Two threads of AVX-512 do a pass over 500,000 x 10, k = 5 in 0.4 ms; AVX2 does half of that.
        DeviceKind::Cpu => {
            let threads = threads as f64;
            let memory = (10e9 * threads).min(60e9);
            Pace { start_ms: 0.0, pass_ms: 0.02, bus: f64::INFINITY, memory, compute: 15e9 * threads }
        }
        DeviceKind::DiscreteGpu => gpu(400.0, 8e9, 300e9, 4e12),
        DeviceKind::VirtualGpu => gpu(500.0, 4e9, 100e9, 1e12),
        DeviceKind::IntegratedGpu => gpu(250.0, 10e9, 40e9, 4e11),
        DeviceKind::SoftwareGpu => gpu(500.0, 5e9, 5e9, 5e9),
    }
}

/// Milliseconds that a fit of this shape is expected to take.
fn predicted(shape: Shape, pace: &Pace) -> f64 {
    let bytes = shape.n_rows as f64 * shape.n_features as f64 * 4.0;
    let work = bytes / 4.0 * shape.n_clusters as f64 * shape.n_models as f64;
    let pass = (bytes / pace.memory).max(work / pace.compute);
    pace.start_ms + 1e3 * bytes / pace.bus + PASSES * (pace.pass_ms + 1e3 * pass)
}

/// What the cost model expects of the CPU and of one GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    pub cpu_ms: f64,
    pub gpu_ms: f64,
    /// Both figures and what follows from them.
    pub sentence: String,
}

/// Compares a GPU of this kind with so many threads of the CPU.
pub fn cost(shape: Shape, gpu: DeviceKind, threads: usize) -> Cost {
    let cpu_ms = predicted(shape, &pace(DeviceKind::Cpu, threads));
    let gpu_ms = predicted(shape, &pace(gpu, 0));
    let kind = match gpu {
        DeviceKind::DiscreteGpu => "a discrete GPU",
        DeviceKind::IntegratedGpu => "an integrated GPU",
        DeviceKind::VirtualGpu => "a virtual GPU",
        DeviceKind::SoftwareGpu => "a software GPU",
        DeviceKind::Cpu => "the CPU",
    };
    let sentence = format!(
        "{} rows x {} features, k = {}, {} models at once: about {:.2} s on {threads} CPU threads, {:.2} s on {kind} with its start-up",
        shape.n_rows,
        shape.n_features,
        shape.n_clusters,
        shape.n_models,
        cpu_ms / 1e3,
        gpu_ms / 1e3,
    );
    Cost { cpu_ms, gpu_ms, sentence }
}

/// Opens the engine for this work, with the checks of [`Guard`] around it, and says why it was chosen.
pub fn open(settings: &Settings, shape: Shape, observe: &Observe) -> Result<Box<dyn Engine>> {
    let threads = match settings.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads,
    };
    match &settings.wanted {
        Wanted::Cpu => Ok(cpu(settings, observe, "asked for".to_owned())),
        Wanted::Gpu | Wanted::Named(_) => {
            let engine = open_gpu(&demanded(&settings.wanted)?, settings)?;
            announce(observe, engine.device(), reason(&settings.wanted).to_owned());
            Ok(Box::new(Guard::new(Box::new(engine), None, observe.clone())))
        }
        Wanted::Auto => {
            let hoped = cost(shape, DeviceKind::DiscreteGpu, threads);
            if hoped.cpu_ms <= hoped.gpu_ms {
                return Ok(cpu(settings, observe, hoped.sentence));
            }
            let found = adapters();
            let Some(adapter) = found.iter().find(|adapter| is_real(adapter)) else {
                return Ok(cpu(settings, observe, format!("no GPU was found; {}", seen(&found))));
            };
            let cost = cost(shape, adapter.device.kind, threads);
            if cost.cpu_ms <= cost.gpu_ms {
                return Ok(cpu(settings, observe, cost.sentence));
            }
            match open_gpu(adapter, settings) {
                Ok(engine) => {
                    announce(observe, engine.device(), cost.sentence);
                    let threads = settings.threads;
                    let spare: Spare = Box::new(move || Box::new(CpuEngine::new(threads, None)));
                    Ok(Box::new(Guard::new(Box::new(engine), Some(spare), observe.clone())))
                }
                Err(error) => Ok(cpu(settings, observe, error.to_string())),
            }
        }
    }
}

/// Opens what measures silhouettes, and says what it runs on: the CPU, unless a GPU is asked for by kind or by name.
/// Nothing else may choose one, because its square roots are its own: the last digits may differ from the CPU's.
pub fn open_neighbours(settings: &Settings) -> Result<(Device, Box<dyn Neighbours>)> {
    match &settings.wanted {
        Wanted::Auto | Wanted::Cpu => {
            let engine = CpuEngine::new(settings.threads, None);
            Ok((engine.device().clone(), Box::new(engine)))
        }
        Wanted::Gpu | Wanted::Named(_) => {
            let engine = open_gpu(&demanded(&settings.wanted)?, settings)?;
            Ok((engine.device().clone(), Box::new(engine)))
        }
    }
}

/// The adapter that is asked for.
fn demanded(wanted: &Wanted) -> Result<AdapterInfo> {
    let mut found = adapters();
    let fits = |adapter: &AdapterInfo| match wanted {
        Wanted::Named(part) => adapter.title().to_lowercase().contains(&part.to_lowercase()),
        _ => is_real(adapter),
    };
    match found.iter().position(fits) {
        Some(place) => Ok(found.swap_remove(place)),
        None => Err(none_fits(wanted, &found)),
    }
}

fn reason(wanted: &Wanted) -> &'static str {
    match wanted {
        Wanted::Named(_) => "asked for by name",
        _ => "asked for",
    }
}

fn open_gpu(adapter: &AdapterInfo, settings: &Settings) -> Result<GpuEngine> {
    GpuEngine::open(adapter, GpuSettings::of(&adapter.device, settings.memory))
}

fn cpu(settings: &Settings, observe: &Observe, reason: String) -> Box<dyn Engine> {
    let engine = CpuEngine::new(settings.threads, None);
    announce(observe, engine.device(), reason);
    Box::new(Guard::new(Box::new(engine), None, observe.clone()))
}

fn announce(observe: &Observe, device: &Device, reason: String) {
    observe.event(Event::DeviceChosen { device: name(device), reason });
}

fn is_real(adapter: &AdapterInfo) -> bool {
    !matches!(adapter.device.kind, DeviceKind::SoftwareGpu | DeviceKind::Cpu)
}

fn none_fits(wanted: &Wanted, found: &[AdapterInfo]) -> Error {
    let what = match wanted {
        Wanted::Named(part) => format!("no GPU has {part:?} in its name"),
        _ => "no GPU was found".to_owned(),
    };
    Error::new(Kind::NoDevice, format!("{what}; {}", seen(found)))
        .hint("`segmint devices` says what this machine offers; `--device cpu` gives the same result")
}

fn seen(found: &[AdapterInfo]) -> String {
    let names: Vec<String> = found
        .iter()
        .map(|adapter| match adapter.device.kind {
            DeviceKind::SoftwareGpu => format!("{} [software]", title(&adapter.device)),
            _ => title(&adapter.device),
        })
        .collect();
    if names.is_empty() {
        "this machine has no adapter at all".to_owned()
    } else {
        format!("found: {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Shape = Shape { n_rows: 23_570, n_features: 3, n_clusters: 4, n_models: 10 };
    const LARGE: Shape = Shape { n_rows: 50_000_000, n_features: 10, n_clusters: 10, n_models: 10 };

    #[test]
    fn a_small_job_stays_on_the_cpu_and_a_large_one_goes_to_a_discrete_gpu() {
        let small = cost(SMALL, DeviceKind::DiscreteGpu, 2);
        assert!(small.cpu_ms < small.gpu_ms, "{}", small.sentence);
        let large = cost(LARGE, DeviceKind::DiscreteGpu, 16);
        assert!(large.gpu_ms < large.cpu_ms, "{}", large.sentence);
        assert!(large.sentence.contains("16 CPU threads"), "{}", large.sentence);
    }

    #[test]
    fn auto_says_why_it_chose_and_looks_for_no_gpu_where_none_would_help() {
        let reasons = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let kept = reasons.clone();
        let observe = Observe::default().listen(move |event| kept.lock().unwrap().push(event.clone()));
        let settings = Settings { wanted: Wanted::Auto, memory: 1 << 30, threads: 1 };
        let engine = open(&settings, SMALL, &observe).unwrap();
        assert_eq!(engine.device().kind, DeviceKind::Cpu);
        let [Event::DeviceChosen { device, reason }] = &reasons.lock().unwrap()[..] else { panic!("one choice") };
        assert!(device.starts_with("CPU (") && reason.contains("1 CPU threads"), "{device}: {reason}");
    }

    #[test]
    fn a_gpu_that_is_not_there_is_an_error_that_lists_what_is() {
        let settings = Settings { wanted: Wanted::Named("no such card".into()), memory: 1 << 30, threads: 1 };
        let error = open(&settings, SMALL, &Observe::default()).err().unwrap();
        assert_eq!(error.kind(), Kind::NoDevice);
        assert_eq!(error.kind().exit_code(), 69);
        assert!(error.to_string().contains("no such card"), "{error}");
    }
}
