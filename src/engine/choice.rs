//! Which engine a run gets. `auto` goes by the cost model, never takes a software adapter, and does not look for a GPU where
//! the CPU would be done before one has started. The choice itself is a pure function of the work and of what adapters
//! say of themselves, so that it is tested on machines that nobody here has.

use std::path::PathBuf;

use super::cost::{Prediction, Shape, predict};
use super::cpu::{CpuEngine, threads_or_all};
use super::gpu::{AdapterInfo, Clock, GpuEngine, GpuSettings, Tuning, adapters, title};
use super::guard::{Guard, Spare, name};
use super::{Device, DeviceKind, Engine, Neighbours};
use crate::error::{Error, Kind, Result};
use crate::observe::{Event, Expected, Observe};

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
    /// The folder where compiled GPU kernels are kept for the next run, if they are.
    pub cache: Option<PathBuf>,
    /// Whether a GPU's passes try variants of its kernel.
    pub tune: bool,
    /// Whether a GPU takes its own time, for measurements.
    pub clock: Clock,
}

/// What a choice falls on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Cpu,
    /// The adapter at this place of those that were seen.
    Adapter(usize),
}

/// What was chosen, and all that is to be said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    pub taken: Taken,
    /// The CPU first, then every GPU that was weighed.
    pub expected: Vec<Expected>,
    pub reason: String,
}

/// Whether a GPU may come of the choice: where the CPU would be done before one has started, nobody looks for one.
pub fn may_take_a_gpu(settings: &Settings, shape: Shape) -> bool {
    match settings.wanted {
        Wanted::Cpu => false,
        Wanted::Gpu | Wanted::Named(_) => true,
        Wanted::Auto => {
            let threads = threads_or_all(settings.threads);
            let of = |kind| predict(shape, kind, threads, settings.memory).total_ms();
            HOPED.iter().any(|(kind, _)| of(*kind) < of(DeviceKind::Cpu))
        }
    }
}

/// Whether nothing but a GPU will do.
pub(super) fn is_demanded(settings: &Settings) -> bool {
    matches!(settings.wanted, Wanted::Gpu | Wanted::Named(_))
}

/// Chooses for this work. `look` gives what adapters there are; it is asked only where a GPU may be taken.
pub fn choose(settings: &Settings, shape: Shape, look: impl FnOnce() -> Vec<Device>) -> Result<Choice> {
    let threads = threads_or_all(settings.threads);
    let of = |kind| predict(shape, kind, threads, settings.memory);
    let cpu = expected(cpu_threads(threads), of(DeviceKind::Cpu));
    let choice = |taken: Taken, gpus: Vec<Expected>, reason: String| {
        let mut expected: Vec<Expected> = std::iter::once(cpu.clone()).chain(gpus).collect();
        let place = match taken {
            Taken::Cpu => 0,
            // Of several GPUs the one that is taken comes first.
            Taken::Adapter(_) => 1,
        };
        expected.iter_mut().enumerate().for_each(|(at, one)| one.chosen = at == place);
        Choice { taken, expected, reason }
    };
    let hoped = || {
        let [first, others @ ..] = HOPED.map(|(kind, words)| expected(format!("{words}, not looked for"), of(kind)));
        others.into_iter().fold(first, |best, one| if one.total_ms() < best.total_ms() { one } else { best })
    };
    match &settings.wanted {
        Wanted::Cpu => Ok(choice(Taken::Cpu, vec![hoped()], "asked for".to_owned())),
        Wanted::Gpu | Wanted::Named(_) => {
            let found = look();
            let place = demanded(&settings.wanted, &found)?;
            let gpu = expected(title(&found[place]), of(found[place].kind));
            Ok(choice(Taken::Adapter(place), vec![gpu], reason(&settings.wanted).to_owned()))
        }
        Wanted::Auto => {
            if !may_take_a_gpu(settings, shape) {
                let hoped = hoped();
                let reason = sentence(shape, &cpu, &hoped);
                return Ok(choice(Taken::Cpu, vec![hoped], reason));
            }
            let found = look();
            let mut gpus: Vec<(usize, Expected)> = found
                .iter()
                .enumerate()
                .filter(|(_, device)| is_real(device))
                .map(|(place, device)| (place, expected(title(device), of(device.kind))))
                .collect();
            // Among equals the first: adapters come with the better ones in front.
            gpus.sort_by(|a, b| a.1.total_ms().total_cmp(&b.1.total_ms()));
            let Some((place, best)) = gpus.first().cloned() else {
                return Ok(choice(Taken::Cpu, Vec::new(), format!("no GPU was found; {}", seen(&found))));
            };
            let taken = if cpu.total_ms() <= best.total_ms() { Taken::Cpu } else { Taken::Adapter(place) };
            let reason = sentence(shape, &cpu, &best);
            Ok(choice(taken, gpus.into_iter().map(|(_, gpu)| gpu).collect(), reason))
        }
    }
}

/// What could be there while nobody has looked.
const HOPED: [(DeviceKind, &str); 3] = [
    (DeviceKind::DiscreteGpu, "a discrete GPU"),
    (DeviceKind::IntegratedGpu, "an integrated GPU"),
    (DeviceKind::VirtualGpu, "a virtual GPU"),
];

fn expected(device: String, prediction: Prediction) -> Expected {
    let Prediction { start_ms, load_ms, passes_ms } = prediction;
    Expected { device, start_ms, load_ms, passes_ms, chosen: false }
}

fn cpu_threads(threads: usize) -> String {
    if threads == 1 { "1 CPU thread".to_owned() } else { format!("{threads} CPU threads") }
}

fn sentence(shape: Shape, cpu: &Expected, gpu: &Expected) -> String {
    let seconds = |one: &Expected| format!("{:.2} s on {}", one.total_ms() / 1e3, one.device);
    format!("{}: about {}, {}, its start included", shape.words(), seconds(cpu), seconds(gpu))
}

/// Opens the engine for this work, with the checks of [`Guard`] around it, and says why it was chosen.
pub fn open(settings: &Settings, shape: Shape, observe: &Observe) -> Result<Box<dyn Engine>> {
    let mut found = Vec::new();
    let choice = choose(settings, shape, || {
        found = adapters();
        found.iter().map(|adapter| adapter.device.clone()).collect()
    })?;
    let opened = match choice.taken {
        Taken::Cpu => None,
        Taken::Adapter(place) => found.get(place).map(|adapter| open_gpu(adapter, settings)),
    };
    finish(settings, shape, choice, opened, observe)
}

/// Says what was chosen, and puts the guard around it. A GPU that `auto` took and that does not open leaves the work to
/// the CPU.
pub(super) fn finish(
    settings: &Settings,
    shape: Shape,
    choice: Choice,
    opened: Option<Result<GpuEngine>>,
    observe: &Observe,
) -> Result<Box<dyn Engine>> {
    let Choice { mut expected, mut reason, .. } = choice;
    let auto = settings.wanted == Wanted::Auto;
    let gpu = match opened {
        Some(Err(error)) if auto => {
            expected.iter_mut().enumerate().for_each(|(at, one)| one.chosen = at == 0);
            reason = error.to_string();
            None
        }
        opened => opened.transpose()?,
    };
    let threads = settings.threads;
    observe.event(Event::Forecast { work: shape.words(), passes: shape.passes(), devices: expected });
    let chosen = |device: &Device| observe.event(Event::DeviceChosen { device: name(device), reason });
    let engine: Box<dyn Engine> = match gpu {
        Some(mut engine) => {
            chosen(engine.device());
            engine.tell(observe);
            Box::new(engine)
        }
        None => {
            let engine = CpuEngine::new(threads, None);
            chosen(engine.device());
            Box::new(engine)
        }
    };
    let is_gpu = engine.device().kind != DeviceKind::Cpu;
    let spare = (auto && is_gpu).then(|| -> Spare { Box::new(move || Box::new(CpuEngine::new(threads, None))) });
    Ok(Box::new(Guard::new(engine, spare, observe.clone())))
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
            let found = adapters();
            let devices: Vec<Device> = found.iter().map(|adapter| adapter.device.clone()).collect();
            let engine = open_gpu(&found[demanded(&settings.wanted, &devices)?], settings)?;
            Ok((engine.device().clone(), Box::new(engine)))
        }
    }
}

/// The place of the adapter that is asked for.
fn demanded(wanted: &Wanted, found: &[Device]) -> Result<usize> {
    let fits = |device: &Device| match wanted {
        Wanted::Named(part) => title(device).to_lowercase().contains(&part.to_lowercase()),
        _ => is_real(device),
    };
    found.iter().position(fits).ok_or_else(|| none_fits(wanted, found))
}

fn reason(wanted: &Wanted) -> &'static str {
    match wanted {
        Wanted::Named(_) => "asked for by name",
        _ => "asked for",
    }
}

pub(super) fn open_gpu(adapter: &AdapterInfo, settings: &Settings) -> Result<GpuEngine> {
    GpuEngine::open(adapter, of_gpu(&adapter.device, settings))
}

fn of_gpu(device: &Device, settings: &Settings) -> GpuSettings {
    let (cache, clock) = (settings.cache.clone(), settings.clock);
    let usual = GpuSettings::of(device, settings.memory);
    let tuning = if settings.tune { usual.tuning } else { Tuning::Off };
    GpuSettings { cache, clock, tuning, ..usual }
}

fn is_real(device: &Device) -> bool {
    !matches!(device.kind, DeviceKind::SoftwareGpu | DeviceKind::Cpu)
}

fn none_fits(wanted: &Wanted, found: &[Device]) -> Error {
    let what = match wanted {
        Wanted::Named(part) => format!("no GPU has {part:?} in its name"),
        _ => "no GPU was found".to_owned(),
    };
    Error::new(Kind::NoDevice, format!("{what}; {}", seen(found)))
        .hint("`segmint devices` says what this machine offers; `--device cpu` gives the same result")
}

fn seen(found: &[Device]) -> String {
    let names: Vec<String> = found
        .iter()
        .map(|device| match device.kind {
            DeviceKind::SoftwareGpu => format!("{} [software]", title(device)),
            _ => title(device),
        })
        .collect();
    if names.is_empty() {
        "this machine has no adapter at all".to_owned()
    } else {
        format!("found: {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests;
